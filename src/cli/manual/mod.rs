//! Manual pages of the programs: prose from `man/*.in`, options from the tables.

mod commands;
mod options;
mod template;

use super::man::{Block, Page};
use super::opensmtpd_filter;
use clap::Command;

/// postgrey(8), with the options of `command`.
pub(super) fn daemon(command: &Command) -> Page {
    template::page(include_str!("../../../man/postgrey.8.in"), |mark, texts| match mark {
        "OPTIONS" => options::of(command, texts),
        "COMMANDS" => commands::all(),
        "OPENSMTPD OPTIONS" => options::of(&opensmtpd_filter::command(), texts),
        mark => unknown(mark, texts),
    })
}

/// policy-test(8), with the options of `command`.
pub(super) fn policy_test(command: &Command) -> Page {
    program(include_str!("../../../man/policy-test.8.in"), command)
}

/// postgreyreport(1), with the options of `command`.
pub(super) fn report(command: &Command) -> Page {
    program(include_str!("../../../man/postgreyreport.1.in"), command)
}

fn program(source: &str, command: &Command) -> Page {
    template::page(source, |mark, texts| match mark {
        "OPTIONS" => options::of(command, texts),
        mark => unknown(mark, texts),
    })
}

fn unknown(mark: &str, _: &mut options::Texts) -> Vec<Block> {
    panic!("the mark @{mark}@ is unknown on this page")
}

fn text(text: &str) -> Block {
    Block::Text(text.to_owned())
}

#[cfg(test)]
mod tests;
