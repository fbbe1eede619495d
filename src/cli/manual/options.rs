//! Options of a table as parts of a page.

use clap::{Arg, Command};

use crate::cli::help;
use crate::cli::man::Block;

/// Each option of a command, under its heading if it has one.
pub(super) fn of(command: &Command) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut heading = None;
    for arg in command.get_arguments() {
        if arg.get_help_heading() != heading {
            heading = arg.get_help_heading();
            blocks.push(Block::Subsection(heading.unwrap_or_default().to_owned()));
        }
        blocks.push(one(arg));
    }
    blocks
}

/// One option or word: its names and what it means.
pub(super) fn one(arg: &Arg) -> Block {
    Block::Item(help::names(arg), paragraph(arg))
}

/// The text of an option, its default and its other names.
pub(super) fn paragraph(arg: &Arg) -> String {
    let mut paragraph = match arg.get_long_help() {
        Some(long) => long.to_string(),
        None => sentence(&arg.get_help().map(ToString::to_string).unwrap_or_default()),
    };
    if let Some(default) = help::default(arg) {
        paragraph += &format!(" Default: {default}");
    }
    if let aliases @ [_, ..] = help::aliases(arg).as_slice() {
        paragraph += &format!(" (Other names: {}.)", aliases.join(", "));
    }
    paragraph
}

pub(super) fn sentence(help: &str) -> String {
    let mut letters = help.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}
