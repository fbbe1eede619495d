//! From clap's matches to typed options, with all limits checked.
//!
//! The one thing to know: this is a pure function. The machine's name is given
//! to it, and nothing is looked up or opened.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::ArgMatches;

use super::{Facility, UsageError, getopt};
use crate::daemon::Verbosity;
use crate::greylist::{Lookup, Policy, SECONDS_PER_DAY};

/// All that the command line of the daemon says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where requests come from.
    pub listen: Listen,
    /// Connections that may wait to be accepted (`--listen-queue-size`), 1 to
    /// 999; `None` is the system's own limit.
    pub backlog: Option<i32>,
    /// Directory of the database and the lock file (`/var/lib/postgrey`).
    pub dbdir: PathBuf,
    /// Name or number of the user to become (`postgrey`), as typed.
    pub user: String,
    /// Names or numbers of the groups to become (`postgrey`), as typed; the
    /// first is the main one.
    pub group: String,
    /// Whether to go to the background.
    pub daemonize: bool,
    /// Where to put the process's number; always `None` in the foreground, for
    /// which the original ignores the option.
    pub pidfile: Option<PathBuf>,
    /// The syslog facility (`mail`).
    pub facility: Facility,
    /// How much to log.
    pub verbosity: Verbosity,
    /// Whether each connection is closed after one answer, as Exim wants it.
    pub exim: bool,
    /// The greylist's numbers and texts.
    pub policy: Policy,
    /// The files that exempt clients and recipients.
    pub whitelists: WhitelistFiles,
}

/// Where requests come from: `--inet` wins when both are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A Unix socket.
    Unix {
        /// Its path, which is not empty.
        path: PathBuf,
        /// Its permission bits, at most 0o7777.
        mode: u32,
    },
    /// `[HOST:]PORT` as typed, which is not empty (BEHAVIOUR B2).
    Inet(String),
}

/// Whitelist files, in the order in which they are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhitelistFiles {
    /// Files of clients that are not greylisted.
    pub clients: Vec<PathBuf>,
    /// Files of recipients that do not want greylisting.
    pub recipients: Vec<PathBuf>,
}

/// More waiting connections than this were never possible in the original.
const MAX_BACKLOG: i64 = 999;

/// Backlog in place of a negative one (BEHAVIOUR A3).
const BACKLOG_IF_NEGATIVE: i32 = 5;

/// No time may be longer or shorter, in seconds, so that sums with a clock's
/// value do not overflow.
const MAX_SECONDS: i64 = i64::MAX / 4;

/// The original's text, both lines (BEHAVIOUR A2).
const RETRY_WINDOW: &str = "--retry-window must be either a number of days or a number\n       \
     followed by 'h' for hours ('6h' for example).";

impl Options {
    /// Converts what clap matched; `machine` is the host name to use when none
    /// was given. Checks in the original's order first, then its own.
    pub(super) fn from_matches(matches: &ArgMatches, machine: &OsStr) -> Result<Self, UsageError> {
        let listen = listen(matches)?;
        let retry_window = retry_window(text(matches, "retry-window"))?;
        let daemonize = matches.get_flag("daemonize");
        Ok(Options {
            listen,
            backlog: backlog(number(matches, "listen-queue-size")),
            dbdir: text(matches, "dbdir").into(),
            user: name("user", text(matches, "user"))?,
            group: name("group", text(matches, "group"))?,
            daemonize,
            pidfile: daemonize
                .then(|| text(matches, "pidfile"))
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            facility: facility(matches)?,
            verbosity: verbosity(matches),
            exim: matches.get_flag("exim"),
            policy: policy(matches, retry_window, machine)?,
            whitelists: WhitelistFiles {
                clients: paths(matches, "whitelist-clients"),
                recipients: paths(matches, "whitelist-recipients"),
            },
        })
    }
}

/// The value of an option that has a default in the table.
fn text<'a>(matches: &'a ArgMatches, id: &str) -> &'a OsStr {
    matches.get_one::<OsString>(id).map_or(OsStr::new(""), OsString::as_os_str)
}

/// The value of an integer option that has a default in the table.
fn number(matches: &ArgMatches, id: &str) -> i64 {
    matches.get_one::<i64>(id).copied().unwrap_or_default()
}

fn paths(matches: &ArgMatches, id: &str) -> Vec<PathBuf> {
    matches.get_many::<OsString>(id).into_iter().flatten().map(PathBuf::from).collect()
}

/// A value that is a name to the system, and never was anything but text.
fn name(id: &str, value: &OsStr) -> Result<String, UsageError> {
    value.to_str().map(str::to_owned).ok_or_else(|| {
        let value = value.to_string_lossy();
        UsageError::refused(format!("--{id} must be valid UTF-8, unlike \"{value}\""))
    })
}

/// A value that becomes part of a reply, which ends at the first line break.
fn one_line(id: &str, value: &OsStr) -> Result<Vec<u8>, UsageError> {
    if value.as_bytes().contains(&b'\n') {
        return Err(UsageError::refused(format!(
            "--{id} must be a single line: the rest would not reach the mail server"
        )));
    }
    Ok(value.as_bytes().to_vec())
}

fn listen(matches: &ArgMatches) -> Result<Listen, UsageError> {
    let inet = matches.get_one::<OsString>("inet");
    let unix = matches.get_one::<OsString>("unix");
    if inet.is_none() && unix.is_none() {
        return Err(UsageError::refused("--unix or --inet must be specified"));
    }
    let mode = socket_mode(text(matches, "socketmode"))?;
    if let Some(inet) = inet.filter(|inet| !inet.is_empty()) {
        return name("inet", inet).map(Listen::Inet);
    }
    match unix.filter(|unix| !unix.is_empty()) {
        Some(unix) => Ok(Listen::Unix { path: unix.into(), mode }),
        None => Err(UsageError::refused(
            "--inet must name a port, or --unix the path of a socket: the value is empty",
        )),
    }
}

/// Permission bits as Perl's `oct` reads them, octal unless a prefix says
/// otherwise (BEHAVIOUR B3).
fn socket_mode(value: &OsStr) -> Result<u32, UsageError> {
    let text = value.to_string_lossy().to_ascii_lowercase();
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x', ..] => (&text[2..], 16),
        [b'0', b'b', ..] => (&text[2..], 2),
        [b'0', b'o', ..] => (&text[2..], 8),
        _ => (text.as_str(), 8),
    };
    u32::from_str_radix(digits, radix)
        .ok()
        .filter(|mode| *mode <= 0o7777 && !digits.starts_with('+'))
        .ok_or_else(|| {
            UsageError::refused(format!(
                "--socketmode must be an octal number up to 7777, unlike \"{}\"",
                value.to_string_lossy()
            ))
        })
}

fn backlog(wanted: i64) -> Option<i32> {
    match wanted {
        0 => None,
        ..0 => Some(BACKLOG_IF_NEGATIVE),
        _ => i32::try_from(wanted.min(MAX_BACKLOG)).ok(),
    }
}

fn facility(matches: &ArgMatches) -> Result<Facility, UsageError> {
    let name = text(matches, "syslog-facility").to_string_lossy();
    Facility::from_name(&name).ok_or_else(|| {
        UsageError::refused(format!(
            "--syslog-facility must be a facility like mail, daemon or local0, unlike \"{name}\""
        ))
    })
}

fn verbosity(matches: &ArgMatches) -> Verbosity {
    if matches.get_flag("quiet") {
        Verbosity::Quiet
    } else if matches.get_flag("verbose") {
        Verbosity::Verbose
    } else {
        Verbosity::Normal
    }
}

fn policy(matches: &ArgMatches, retry_window: i64, machine: &OsStr) -> Result<Policy, UsageError> {
    let line = |id| one_line(id, text(matches, id));
    let hostname = matches.get_one::<OsString>("hostname").map_or(machine, OsString::as_os_str);
    Ok(Policy {
        delay: seconds(matches, "delay", 1)?,
        retry_window,
        max_age: seconds(matches, "max-age", SECONDS_PER_DAY)?,
        lookup: lookup(matches)?,
        auto_whitelist: auto_whitelist(matches)?,
        privacy: matches.get_flag("privacy"),
        greylist_action: line("greylist-action")?,
        greylist_text: line("greylist-text")?,
        header: line("x-greylist-header")?,
        hostname: one_line("hostname", hostname)?,
    })
}

/// A time given in a unit of so many seconds.
fn seconds(matches: &ArgMatches, id: &str, unit: i64) -> Result<i64, UsageError> {
    let amount = number(matches, id);
    amount
        .checked_mul(unit)
        .filter(|seconds| (-MAX_SECONDS..=MAX_SECONDS).contains(seconds))
        .ok_or_else(|| not_a_number(id, amount))
}

/// A number of days, or of hours with `h` after it (BEHAVIOUR A3).
fn retry_window(value: &OsStr) -> Result<i64, UsageError> {
    let window = || {
        let text = value.to_str()?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let (digits, unit) = match text.strip_suffix(['h', 'H']) {
            Some(hours) => (hours, SECONDS_PER_DAY / 24),
            None => (text, SECONDS_PER_DAY),
        };
        let amount: u32 =
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
        Some(i64::from(amount) * unit)
    };
    window().ok_or_else(|| UsageError::refused(RETRY_WINDOW))
}

fn lookup(matches: &ArgMatches) -> Result<Lookup, UsageError> {
    let ipv4 = prefix(matches, "ipv4cidr", 32)?;
    let ipv6 = prefix(matches, "ipv6cidr", 128)?;
    if matches.get_flag("lookup-by-host") {
        Ok(Lookup::Host)
    } else {
        Ok(Lookup::Subnet { ipv4, ipv6 })
    }
}

/// The length of a network's prefix in bits.
fn prefix(matches: &ArgMatches, id: &str, longest: u8) -> Result<u8, UsageError> {
    let bits = number(matches, id);
    u8::try_from(bits).ok().filter(|bits| *bits <= longest).ok_or_else(|| {
        UsageError::refused(format!(
            "--{id} must be a number of bits from 1 to {longest}, unlike {bits}"
        ))
    })
}

fn auto_whitelist(matches: &ArgMatches) -> Result<Option<u64>, UsageError> {
    let id = "auto-whitelist-clients";
    let count = number(matches, id);
    match u64::try_from(count) {
        Ok(0) => Ok(None),
        Ok(count) => Ok(Some(count)),
        Err(_) => Err(not_a_number(id, count)),
    }
}

/// A number that no clock or counter could hold.
fn not_a_number(id: &str, value: i64) -> UsageError {
    UsageError::parse(getopt::number_expected(id, &value.to_string()))
}
