//! The words of `postgrey check`, which are the daemon's own options and a few
//! more. They are typed as the daemon's are, so that a line can be copied from
//! where the daemon is started.

use super::task::{self, Form};
use super::{Order, Task, refused, table};
use crate::cli::{Invocation, UsageError, flags, getopt, help};
use clap::{ArgMatches, Command};
use std::ffi::OsString;
use std::path::PathBuf;

/// What `postgrey check` shall look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The daemon's options that were typed; without any, `defaults` has them.
    pub words: Vec<OsString>,
    /// The file with the daemon's options.
    pub defaults: PathBuf,
    /// In which form to tell.
    pub form: Form,
}

/// Parses the words behind `check`.
pub(super) fn parse(words: &[OsString]) -> Result<Invocation, UsageError> {
    let mut own = table::check();
    let words: Vec<OsString> = words.iter().filter(|word| *word != "--").cloned().collect();
    let mut command = command();
    let rewritten = getopt::rewrite(&command, words).map_err(|lines| {
        wrong(&lines.join(
            "
",
        ))
    })?;
    if let Some(word) = rewritten.rest.first() {
        return Err(wrong(&format!("{} is no option", word.to_string_lossy())));
    }
    let rewritten = rewritten.options;
    let (of_check, of_daemon): (Vec<_>, Vec<_>) =
        rewritten.iter().cloned().partition(|word| is_of(&own, word));
    let matches = command
        .try_get_matches_from_mut(rewritten)
        .map_err(|error| refused(error.to_string().trim_end()))?;
    if matches.get_flag("help") {
        own = table::with_common_options(own);
        own.build();
        return Ok(Invocation::Print(help::help(&mut own)));
    }
    let task = task(&matches, &of_check, of_daemon).map_err(|sentence| wrong(&sentence))?;
    Ok(Invocation::Administer(Box::new(Order {
        dbdir: task::text(&matches, "dbdir").into(),
        user: task::text(&matches, "user").to_string_lossy().into_owned(),
        group: task::text(&matches, "group").to_string_lossy().into_owned(),
        task,
    })))
}

fn wrong(sentence: &str) -> UsageError {
    refused(&format!("postgrey check: {sentence}"))
}

/// The daemon's table with the words of `check`.
fn command() -> Command {
    let mut command = flags::table();
    for arg in table::check().get_arguments() {
        command = command.arg(arg.clone());
    }
    command.build();
    command
}

/// Whether a rewritten word is one of `check` alone.
fn is_of(own: &Command, word: &OsString) -> bool {
    let word = word.to_string_lossy();
    let name = word.trim_start_matches("--").split('=').next().unwrap_or_default();
    own.get_arguments().any(|arg| arg.get_long() == Some(name))
}

fn task(
    matches: &ArgMatches,
    of_check: &[OsString],
    of_daemon: Vec<OsString>,
) -> Result<Task, String> {
    if matches.get_flag("database") {
        return match of_check {
            [_] => Ok(Task::CheckDatabase),
            _ => Err("--database goes with nothing but --dbdir, --user and --group".to_owned()),
        };
    }
    Ok(Task::Check(Check {
        words: of_daemon,
        defaults: task::text(matches, "defaults").into(),
        form: task::form(matches),
    }))
}

/// The word that ends the daemon's options before their end, since it is none:
/// the daemon does not look at it, nor at what follows.
#[must_use]
pub fn plain_word(words: &[OsString]) -> Option<OsString> {
    let words = getopt::rewrite(&flags::command(), words.to_vec()).ok()?;
    words.rest.into_iter().next()
}
