//! Manual pages of the programs: prose from `man/*.in`, options from the tables.

mod commands;
mod options;
mod template;

use super::man::{Block, Page};
use super::opensmtpd_filter;
use clap::Command;

/// postgrey(8), with the options of `command`.
pub(super) fn daemon(command: &Command) -> Page {
    template::page(include_str!("../../../man/postgrey.8.in"), |mark| match mark {
        "OPTIONS" => options::of(command),
        "COMMANDS" => commands::all(),
        "OPENSMTPD OPTIONS" => {
            opensmtpd_filter::command().get_arguments().map(options::one).collect()
        }
        mark => unknown(mark),
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
    template::page(source, |mark| match mark {
        "OPTIONS" => options::of(command),
        mark => unknown(mark),
    })
}

fn unknown(mark: &str) -> Vec<Block> {
    panic!("the mark @{mark}@ is unknown on this page")
}

fn text(text: &str) -> Block {
    Block::Text(text.to_owned())
}

#[cfg(test)]
mod tests;
