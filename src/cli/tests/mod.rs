//! The whole way from words to options: each row of BEHAVIOUR A1 to A4.
//!
//! Command lines are written with `|` between the words, so that a word can be
//! empty or hold blanks.

mod config;
mod grammar;
mod milter;
#[cfg(feature = "shared-state")]
mod shared;
mod smtp;
mod values;

use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use super::*;
use crate::daemon::{Format, Verbosity};
use crate::greylist::Policy;
use crate::lists::{Files, ListKind};

fn parse_line(line: &str) -> Result<Invocation, UsageError> {
    parse(line.split('|').map(OsString::from).collect())
}

/// The options of a command line that has `--inet` as well.
fn options(line: &str) -> Options {
    let result = parse_line(&format!("--inet=10023|{line}"));
    let Ok(Invocation::Serve(options)) = result else {
        panic!("{line}: {result:?}");
    };
    *options
}

/// The options with only `--inet`.
fn defaults() -> Options {
    Options {
        listen: Some(Listen::Inet("10023".to_owned())),
        milter: None,
        smtp: None,
        metrics: None,
        backlog: None,
        dbdir: "/var/lib/postgrey".into(),
        sync: Duration::ZERO,
        max_size: 0,
        shared_state: None,
        user: "postgrey".to_owned(),
        group: "postgrey".to_owned(),
        daemonize: false,
        pidfile: None,
        facility: Facility::from_name("mail").unwrap(),
        log_format: Format::Classic,
        verbosity: Verbosity::Normal,
        exim: false,
        remote_test_time: false,
        policy: Policy {
            hostname: nix::unistd::gethostname().unwrap().into_vec(),
            ..Policy::default()
        },
        lists: Files::default(),
    }
}

/// A command line, and how its options differ from the defaults.
type Row = (&'static str, fn(&mut Options));

fn check(rows: &[Row]) {
    for (line, change) in rows {
        let mut expected = defaults();
        change(&mut expected);
        assert_eq!(options(line), expected, "{line}");
    }
}

fn without_suggestions(error: UsageError) -> UsageError {
    let lines = error.message.lines().map(|line| line.split("; did you mean ").next());
    UsageError { message: lines.flatten().collect::<Vec<_>>().join("\n"), ..error }
}

/// Command lines that are refused with this status, and the message.
fn check_refused(status: u8, rows: &[(&str, &str)]) {
    for (line, message) in rows {
        let refused = parse_line(line).map_err(without_suggestions);
        let message = (*message).to_owned();
        assert_eq!(refused, Err(UsageError { message, status }), "{line}");
    }
}

const NO_CHANGE: fn(&mut Options) = |_| {};

const RETRY_WINDOW: &str = "ERROR: --retry-window must be either a number of days or a number
       followed by 'h' for hours ('6h' for example).";
