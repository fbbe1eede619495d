//! The pages of the manual: the options come from the tables, the rest is
//! written here.

mod commands;
mod config;
mod daemon;
mod moving;
mod opensmtpd;
mod options;
mod policy_test;
mod report;
mod smtp;
mod whitelist;

pub(super) use daemon::page as daemon;
pub(super) use policy_test::page as policy_test;
pub(super) use report::page as report;

use super::man::{Block, Page};
use super::{flags, policy_test as tester, report as reporter};
use clap::Command;

/// All pages.
pub(super) fn pages() -> [Page; 4] {
    [
        daemon(&flags::command()),
        policy_test(&tester::command()),
        report(&reporter::command()),
        whitelist::page(),
    ]
}

/// How a page begins: its name and what its program is, and how it is called.
fn head(command: &Command, calls: &[&str]) -> Vec<Block> {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut blocks = vec![
        Block::Section("NAME"),
        text(&format!("{} - {about}", command.get_name())),
        Block::Section("SYNOPSIS"),
    ];
    blocks.extend(calls.iter().copied().map(text));
    blocks
}

fn text(text: &str) -> Block {
    Block::Text(text.to_owned())
}

fn item(name: &str, text: &str) -> Block {
    Block::Item(name.to_owned(), text.to_owned())
}

/// Lines that are kept as they are; `tests/manual.rs` tries them.
fn example(lines: &str) -> Block {
    Block::Example(lines.to_owned() + "\n")
}

#[cfg(test)]
mod tests;
