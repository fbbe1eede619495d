//! The commands with which an administrator looks into the database: `postgrey
//! list` and so on. Unlike the daemon's own command line they are new, so
//! their words are parsed as clap parses them.

mod args;
mod check;
mod command;
mod explain;
mod table;

pub use crate::greylist::filter::{AddressFilter, ClientFilter, Filter, network};
pub use args::OutputFormat;
pub use check::{CheckOptions, TestMail, plain_word};
pub use command::{Command, Consent, Extent, Invocation, ListOptions, Sort, Target};
pub use explain::{AttemptFilter, ExplainOptions};

pub(super) use table::common_options;

use super::{UsageError, help};
use crate::cli;
use std::ffi::{OsStr, OsString};

/// Returns true if a first word is one of these commands.
pub(super) fn is_command(word: &OsStr) -> bool {
    table::commands().iter().any(|command| word == command.get_name())
}

pub(super) fn commands() -> Vec<clap::Command> {
    let mut command = command();
    command.build();
    command.get_subcommands().cloned().collect()
}

/// Parses the words from the command on.
pub(super) fn parse(words: Vec<OsString>) -> Result<cli::Invocation, UsageError> {
    if let [first, rest @ ..] = words.as_slice() {
        if first == "check" {
            return check::parse(rest);
        }
    }
    let mut command = command();
    command.build();
    let matches = command
        .try_get_matches_from_mut(words)
        .map_err(|error| refused(error.to_string().trim_end()))?;
    let (name, matches) = matches.subcommand().expect("a word that is a command");
    if matches.get_flag("help") {
        let subcommand = command.find_subcommand_mut(name).expect("it was matched");
        return Ok(cli::Invocation::Print(help::help(subcommand)));
    }
    let invocation = command::invocation(name, matches)
        .map_err(|sentence| refused(&format!("postgrey {name}: {sentence}")))?;
    Ok(cli::Invocation::Administer(Box::new(invocation)))
}

fn command() -> clap::Command {
    clap::Command::new("postgrey")
        .no_binary_name(true)
        .disable_help_subcommand(true)
        .subcommands(table::commands())
}

fn refused(message: &str) -> UsageError {
    UsageError { message: message.to_owned(), status: 2 }
}

#[cfg(test)]
mod tests;
