//! The words of `postgrey check`, which are the daemon's own options and a few
//! more. They are typed as the daemon's are, so that a line can be copied from
//! where the daemon is started.

use super::args::{self, OutputFormat};
use super::{Command, Invocation, refused, table};
use crate::cli::{self, UsageError, flags, getopt, help};
use crate::daemon::clock;
use crate::greylist::filter::bare_address;
use clap::ArgMatches;
use std::ffi::{OsStr, OsString};
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What `postgrey check` shall look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The daemon's options that were typed; without any, `defaults` has them.
    pub words: Vec<OsString>,
    pub defaults: PathBuf,
    pub form: OutputFormat,
    /// The mail whose answer is asked for, in place of what is wrong.
    pub question: Option<Question>,
}

/// A mail, and the moment at which it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The client's name, `unknown` if none is given.
    pub client: Vec<u8>,
    pub address: IpAddr,
    /// The sender, empty for bounces.
    pub sender: Vec<u8>,
    pub recipient: Vec<u8>,
    pub has_logged_in: bool,
    /// Seconds since the epoch; none is now.
    pub at: Option<i64>,
}

/// Parses the words behind `check`.
pub(super) fn parse(words: &[OsString]) -> Result<cli::Invocation, UsageError> {
    let mut own = table::check();
    let words: Vec<OsString> = words.iter().filter(|word| *word != "--").cloned().collect();
    let mut table = options();
    let rewritten = getopt::rewrite(&table, words).map_err(|lines| {
        wrong(&lines.join(
            "
",
        ))
    })?;
    if let Some(word) = rewritten.rest.first() {
        return Err(wrong(&format!("{} is not an option", word.to_string_lossy())));
    }
    let rewritten = rewritten.options;
    let (of_check, of_daemon): (Vec<_>, Vec<_>) =
        rewritten.iter().cloned().partition(|word| is_of(&own, word));
    let of_daemon: Vec<OsString> = of_daemon.into_iter().flat_map(as_typed).collect();
    let matches = table
        .try_get_matches_from_mut(rewritten)
        .map_err(|error| refused(error.to_string().trim_end()))?;
    if matches.get_flag("help") {
        own = table::with_common_options(own);
        own.build();
        return Ok(cli::Invocation::Print(help::help(&mut own)));
    }
    let command = command(&matches, &of_check, of_daemon).map_err(|sentence| wrong(&sentence))?;
    let invocation = Invocation { place: args::place(&matches), command };
    Ok(cli::Invocation::Administer(Box::new(invocation)))
}

fn wrong(sentence: &str) -> UsageError {
    refused(&format!("postgrey check: {sentence}"))
}

/// The daemon's table with the words of `check`.
fn options() -> clap::Command {
    let mut command = flags::table();
    for arg in table::check().get_arguments() {
        command = command.arg(arg.clone());
    }
    command.build();
    command
}

/// A rewritten word as the daemon takes it: an empty value is a word of its own.
fn as_typed(word: OsString) -> Vec<OsString> {
    let name = word.as_bytes().strip_suffix(b"=").filter(|name| !name.contains(&b'='));
    match name {
        Some(name) => vec![OsStr::from_bytes(name).to_owned(), OsString::new()],
        None => vec![word],
    }
}

/// Whether a rewritten word is one of `check` alone.
fn is_of(own: &clap::Command, word: &OsString) -> bool {
    let word = word.to_string_lossy();
    let name = word.trim_start_matches("--").split('=').next().unwrap_or_default();
    own.get_arguments().any(|arg| arg.get_long() == Some(name))
}

fn command(
    matches: &ArgMatches,
    of_check: &[OsString],
    of_daemon: Vec<OsString>,
) -> Result<Command, String> {
    if matches.get_flag("database") {
        let is_of_database = |word: &&OsString| {
            [b"--database".as_slice(), b"--defaults="]
                .iter()
                .any(|it| word.as_bytes().starts_with(it))
        };
        return match of_check.iter().find(|word| !is_of_database(word)) {
            None => Ok(Command::CheckDatabase),
            Some(_) => Err("--database goes with nothing but --dbdir, --user, --group, --config and --defaults".to_owned()),
        };
    }
    Ok(Command::Check(Check {
        words: of_daemon,
        defaults: args::text(matches, "defaults").into(),
        form: args::form(matches),
        question: question(matches)?,
    }))
}

/// The mail that is asked about, if any of its parts was given.
fn question(matches: &ArgMatches) -> Result<Option<Question>, String> {
    let part = |id| args::given(matches, id).map(|text| bare_address(text.as_bytes()).to_vec());
    let parts = (part("address"), part("sender"), part("recipient"));
    let (Some(_), Some(sender), Some(recipient)) = parts else {
        let ids = ["client", "address", "sender", "recipient", "at", "login"];
        let is_given = |id: &&&str| match **id {
            "login" => matches.get_flag("login"),
            id => args::given(matches, id).is_some(),
        };
        return match ids.iter().find(is_given) {
            None => Ok(None),
            Some(id) => Err(format!(
                "--{id} asks about a mail, which needs --address, --sender and --recipient"
            )),
        };
    };
    let at = match args::given(matches, "at") {
        None => None,
        Some(text) => Some(
            text.to_str()
                .and_then(clock::parse)
                .ok_or_else(|| args::invalid("--at", "a time like 2026-11-23 22:53", text))?,
        ),
    };
    Ok(Some(Question {
        client: part("client").unwrap_or_else(|| b"unknown".to_vec()),
        address: args::parsed(matches, "address", "an IP address")?.expect("it was given"),
        sender,
        recipient,
        has_logged_in: matches.get_flag("login"),
        at,
    }))
}

/// The word that ends the daemon's options before their end, since it is none:
/// the daemon does not look at it, nor at what follows.
#[must_use]
pub fn plain_word(words: &[OsString]) -> Option<OsString> {
    let words = getopt::rewrite(&flags::command(), words.to_vec()).ok()?;
    words.rest.into_iter().next()
}
