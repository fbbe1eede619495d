//! The command line of `postgrey opensmtpd-filter`, or of `filter-postgrey` in
//! the directory where smtpd looks for filters.

use super::{Invocation, UsageError, flags};
use crate::daemon::endpoint::{Endpoint, Place};
use clap::{ArgMatches, Command};
use std::ffi::OsString;
use std::path::PathBuf;

/// The name under which `postgrey` is this program.
pub(super) const PROGRAM: &str = "filter-postgrey";

/// The command that makes `postgrey` this program.
pub(super) const WORD: &str = "opensmtpd-filter";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpensmtpdFilter {
    /// `--unix=PATH` or `--inet=[HOST:]PORT`
    pub daemon: Place,
    /// True to add `X-Greylist` to messages (`--header`).
    pub adds_header: bool,
}

pub(super) fn convert(matches: &ArgMatches, rest: Vec<OsString>) -> Result<Invocation, UsageError> {
    let refused = |what: &str| {
        UsageError::parse(format!("postgrey {WORD}: {what}\n{}", command().render_usage()))
    };
    if let Some(word) = rest.first() {
        return Err(refused(&format!("unexpected argument {}", word.to_string_lossy())));
    }
    let value = |name: &str| matches.get_one::<OsString>(name).filter(|value| !value.is_empty());
    let daemon = match (value("unix"), value("inet")) {
        (Some(path), None) => Place::Unix(PathBuf::from(path)),
        (None, Some(text)) => {
            let endpoint = Endpoint::parse(&text.to_string_lossy());
            Place::Inet(endpoint.map_err(|failure| refused(&failure.to_string()))?)
        }
        _ => return Err(refused("give either --unix or --inet, where the daemon listens")),
    };
    let adds_header = matches.get_flag("header");
    Ok(Invocation::OpensmtpdFilter(Box::new(OpensmtpdFilter { daemon, adds_header })))
}

pub(super) fn command() -> Command {
    let mut command = flags::program(WORD, "filter for OpenSMTPD that asks a running daemon")
        .override_usage("postgrey opensmtpd-filter --unix=PATH|--inet=[HOST:]PORT [--header]")
        .args([
            flags::value("unix", "PATH").short('u').help("socket on which the daemon listens"),
            flags::value("inet", "[HOST:]PORT").short('i').help("port on which the daemon listens"),
            flags::switch("header").help("add the X-Greylist header to delayed messages"),
        ])
        .args(flags::information());
    command.build();
    command
}
