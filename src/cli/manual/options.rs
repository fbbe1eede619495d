//! Options of a table as parts of a page.

use clap::{Arg, Command};
use std::collections::HashMap;

use crate::cli::help;
use crate::cli::man::Block;

/// The texts of a page about options, by their names with the dashes. An option without
/// one has the text of `--help`.
pub(super) type Texts = HashMap<String, String>;

/// Each option of a command, under its heading if it has one.
pub(super) fn of(command: &Command, texts: &mut Texts) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut heading = None;
    for arg in command.get_arguments() {
        if arg.get_help_heading() != heading {
            heading = arg.get_help_heading();
            blocks.push(Block::Subsection(heading.unwrap_or_default().to_owned()));
        }
        blocks.push(one(arg, texts));
    }
    blocks
}

/// One option or argument: its names, and its text with its default and its other names.
pub(super) fn one(arg: &Arg, texts: &mut Texts) -> Block {
    let name = arg.get_long().map(|name| format!("--{name}"));
    let mut paragraph = name
        .and_then(|name| texts.remove(&name))
        .unwrap_or_else(|| sentence(&arg.get_help().map(ToString::to_string).unwrap_or_default()));
    if let Some(default) = help::default(arg) {
        paragraph += &format!(" Default: {default}");
    }
    if let aliases @ [_, ..] = help::aliases(arg).as_slice() {
        paragraph += &format!(" (Other names: {}.)", aliases.join(", "));
    }
    Block::Item(help::names(arg), paragraph)
}

pub(super) fn sentence(help: &str) -> String {
    let mut letters = help.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}
