//! The arguments of `postgrey check`: the daemon's options and a few more. The
//! daemon's are parsed as the daemon does, so that a line can be copied from the
//! place where it is started.

use super::args;
use super::{Command, Invocation, refused, table};
use crate::cli::{self, Given, UsageError, flags, getopt, help};
use crate::daemon::clock;
use crate::greylist::filter::bare_address;
use clap::ArgMatches;
use std::ffi::{OsStr, OsString};
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckOptions {
    /// The daemon's options that were typed; without any, `defaults` has them.
    pub words: Vec<OsString>,
    pub defaults: PathBuf,
    /// The mail whose reply is printed; without it, the configuration is checked.
    pub mail: Option<TestMail>,
}

/// A mail, and the time at which it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestMail {
    /// The client's name, `unknown` by default.
    pub client: Vec<u8>,
    pub address: IpAddr,
    /// The sender, empty for bounces.
    pub sender: Vec<u8>,
    pub recipient: Vec<u8>,
    pub has_logged_in: bool,
    /// Seconds since the epoch; `None` is now.
    pub at: Option<i64>,
}

/// Parses the arguments after `check`.
pub(super) fn parse(words: &[OsString]) -> Result<cli::Invocation, UsageError> {
    let wrong = |why: &str| refused(&format!("postgrey check: {why}"));
    let words: Vec<OsString> = words.iter().filter(|word| *word != "--").cloned().collect();
    let own = table::check();
    let mut both = flags::table().args(own.get_arguments());
    both.build();
    let words = getopt::rewrite(&both, words).map_err(|lines| wrong(&lines.join("\n")))?;
    if let Some(word) = words.rest.first() {
        return Err(wrong(&format!("{} is not an option", word.to_string_lossy())));
    }
    let is_own =
        |given: &&Given| own.get_arguments().any(|arg| arg.get_long() == Some(&given.name));
    let (of_check, of_daemon): (Vec<_>, Vec<_>) = words.options.iter().partition(is_own);
    let of_daemon = of_daemon.into_iter().flat_map(as_typed).collect();
    let matches = both
        .try_get_matches_from_mut(words.options.iter().map(Given::word))
        .map_err(|error| refused(error.to_string().trim_end()))?;
    if matches.get_flag("help") {
        let mut own = table::with_common_options(own);
        own.build();
        return Ok(cli::Invocation::Print(help::help(&mut own)));
    }
    let command = command(&matches, &of_check, of_daemon).map_err(|why| wrong(&why))?;
    let (tool, format) = (args::tool_options(&matches), args::format(&matches));
    let invocation = Invocation { tool, command, format, file: None };
    Ok(cli::Invocation::Administer(Box::new(invocation)))
}

/// Returns an option as the daemon accepts it: an empty value is an argument of its own.
fn as_typed(given: &Given) -> Vec<OsString> {
    match &given.value {
        Some(value) if value.is_empty() => vec![format!("--{}", given.name).into(), value.clone()],
        _ => vec![given.word()],
    }
}

fn command(
    matches: &ArgMatches,
    of_check: &[&Given],
    of_daemon: Vec<OsString>,
) -> Result<Command, String> {
    if matches.get_flag("database") {
        if of_check.iter().all(|given| matches!(&*given.name, "database" | "defaults")) {
            return Ok(Command::CheckDatabase);
        }
        let others = "--dbdir, --user, --group, --config and --defaults";
        return Err(format!("--database goes with nothing but {others}"));
    }
    Ok(Command::Check(CheckOptions {
        words: of_daemon,
        defaults: args::text(matches, "defaults").into(),
        mail: mail(matches)?,
    }))
}

/// Returns the mail to test, if any part of it was given.
fn mail(matches: &ArgMatches) -> Result<Option<TestMail>, String> {
    let part = |id| args::given(matches, id).map(|text| bare_address(text.as_bytes()).to_vec());
    let address = args::parsed(matches, "address", "an IP address")?;
    let (Some(address), Some(sender), Some(recipient)) =
        (address, part("sender"), part("recipient"))
    else {
        let is_login = matches.get_flag("login").then_some("login");
        let ids = ["client", "address", "sender", "recipient", "at"].into_iter();
        let given = ids.filter(|id| part(id).is_some()).chain(is_login).next();
        return given.map_or(Ok(None), |id| {
            Err(format!(
                "--{id} asks about a mail, which needs --address, --sender and --recipient"
            ))
        });
    };
    let time = |text: &OsStr| {
        let time = text.to_str().and_then(clock::parse);
        time.ok_or_else(|| args::invalid("--at", "a time like 2026-11-23 22:53", text))
    };
    Ok(Some(TestMail {
        client: part("client").unwrap_or_else(|| b"unknown".to_vec()),
        address,
        sender,
        recipient,
        has_logged_in: matches.get_flag("login"),
        at: args::given(matches, "at").map(time).transpose()?,
    }))
}

/// Returns the first argument that is not an option. The daemon ignores it and
/// everything after it.
#[must_use]
pub fn plain_word(words: &[OsString]) -> Option<OsString> {
    let words = getopt::rewrite(&flags::command(), words.to_vec()).ok()?;
    words.rest.into_iter().next()
}
