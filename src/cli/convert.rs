//! Converts clap's matches to [`Options`], with all limits checked.
//!
//! This is a pure function: the machine's name is a parameter, and nothing is
//! looked up or opened.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use clap::ArgMatches;

use super::matched::{
    OR_A_PATH, all, endpoint, given, name, number, number_of, one_of, paths, text,
};
use super::{Facility, Listen, Options, UsageError, getopt, shared, smtp};
use crate::daemon::{Format, Verbosity};
use crate::greylist::{ByDomain, LookupBy, Policy, SECONDS_PER_DAY, Trust};
use crate::lists::{Files, Trusted};

/// More waiting connections than this were never possible in the original.
const MAX_BACKLOG: i64 = 999;

/// Backlog in place of a negative one (BEHAVIOUR A3).
const BACKLOG_IF_NEGATIVE: i32 = 5;

/// Permissions of the socket of --metrics: monitoring runs as another user, and
/// metrics contain no names.
const METRICS_MODE: u32 = 0o666;

/// The longest --sync in seconds; longer waits for the disk are a mistake.
const MAX_SYNC: i64 = 3600;

/// The largest --max-size, in MiB.
const MAX_SIZE_LIMIT: i64 = i64::MAX >> 20;

/// No time may be longer or shorter, in seconds, so that sums with a clock's
/// value do not overflow.
const MAX_SECONDS: i64 = i64::MAX / 4;

/// The original's text, both lines (BEHAVIOUR A2).
const RETRY_WINDOW: &str = "--retry-window must be either a number of days or a number\n       \
     followed by 'h' for hours ('6h' for example).";

/// Converts what clap matched; `machine` is the host name to use when none was
/// given, `shared_state` the URL of the shared state.
///
/// # Errors
///
/// The first invalid value: those that the original refuses come first, in its
/// order.
pub(super) fn options(
    matches: &ArgMatches,
    machine: &OsStr,
    shared_state: Option<&shared::Url>,
) -> Result<Options, UsageError> {
    let retry_window = retry_window(text(matches, "retry-window"))?;
    let daemonize = matches.get_flag("daemonize");
    let pidfile = text(matches, "pidfile");
    Ok(Options {
        listen: listen(matches)?,
        milter: milter(matches)?,
        smtp: smtp::options(matches)?,
        metrics: metrics(matches)?,
        backlog: backlog(number(matches, "listen-queue-size")),
        dbdir: text(matches, "dbdir").into(),
        sync: Duration::from_secs(number_of("seconds", matches, "sync", 0..=MAX_SYNC)?),
        max_size: number_of("MiB", matches, "max-size", 0..=MAX_SIZE_LIMIT)? << 20,
        shared_state: shared::options(matches, shared_state)?,
        user: name("user", text(matches, "user"))?,
        group: name("group", text(matches, "group"))?,
        daemonize,
        pidfile: (daemonize && !pidfile.is_empty()).then(|| pidfile.into()),
        facility: facility(matches)?,
        verbosity: verbosity(matches),
        log_format: [Format::Classic, Format::Json]
            [one_of(matches, "log-format", &["classic", "json"])?],
        exim: matches.get_flag("exim"),
        remote_test_time: matches.get_flag("policy-test-time"),
        policy: policy(matches, retry_window, machine)?,
        lists: Files::new(|kind| paths(matches, kind.option())),
    })
}

/// A value that becomes part of a reply, which ends at the first newline.
fn one_line(id: &str, value: &OsStr) -> Result<Vec<u8>, UsageError> {
    if value.as_bytes().contains(&b'\n') {
        return Err(UsageError::refused(format!(
            "--{id} must be a single line: the rest would not reach the mail server"
        )));
    }
    Ok(value.as_bytes().to_vec())
}

fn listen(matches: &ArgMatches) -> Result<Option<Listen>, UsageError> {
    let mode = socket_mode(matches, "socketmode")?;
    let inet = text(matches, "inet");
    if !inet.is_empty() {
        return name("inet", inet).map(|inet| Some(Listen::Inet(inet)));
    }
    match given(matches, "unix") {
        Some(path) if !path.is_empty() => Ok(Some(Listen::Unix { path: path.into(), mode })),
        Some(_) => Err(UsageError::refused("--unix needs the path of a socket, not an empty word")),
        None if !matches.contains_id("inet") => Ok(None),
        None => Err(UsageError::refused("--inet needs [HOST:]PORT, not an empty word")),
    }
}

/// A path starts with a slash or a dot; anything else is a host and a port.
fn milter(matches: &ArgMatches) -> Result<Option<Listen>, UsageError> {
    let mode = socket_mode(matches, "milter-socketmode")?;
    let Some(place) = given(matches, "milter") else {
        return Ok(None);
    };
    match place.as_bytes() {
        [] => Err(UsageError::refused(
            "--milter needs the path of a socket or [HOST:]PORT, not an empty word",
        )),
        [b'/' | b'.', ..] => Ok(Some(Listen::Unix { path: place.into(), mode })),
        _ => Ok(Some(Listen::Inet(endpoint("milter", place, OR_A_PATH)?.to_string()))),
    }
}

/// The lists of all `--trusted-networks` make one.
fn trust(matches: &ArgMatches) -> Result<Trust, UsageError> {
    let lists = all(matches, "trusted-networks").map(|list| list.as_bytes());
    let list = lists.collect::<Vec<_>>().join(&b',');
    let networks = Trusted::parse(&list)
        .map_err(|why| UsageError::refused(format!("--trusted-networks: {why}")))?;
    Ok(Trust { networks, authenticated: matches.get_flag("trust-authenticated") })
}

/// `unix:PATH`, or a host and a port.
fn metrics(matches: &ArgMatches) -> Result<Option<Listen>, UsageError> {
    let Some(place) = given(matches, "metrics") else {
        return Ok(None);
    };
    match place.as_bytes() {
        [] | b"unix:" => {
            Err(UsageError::refused("--metrics needs unix:PATH or [HOST:]PORT, not an empty word"))
        }
        bytes => match bytes.strip_prefix(b"unix:") {
            Some(path) => {
                let path = OsStr::from_bytes(path).into();
                Ok(Some(Listen::Unix { path, mode: METRICS_MODE }))
            }
            None => {
                let or = ", or unix: and the path of a socket";
                Ok(Some(Listen::Inet(endpoint("metrics", place, or)?.to_string())))
            }
        },
    }
}

/// Permission bits as Perl's `oct` reads them: octal unless a prefix says
/// otherwise (BEHAVIOUR B3).
fn socket_mode(matches: &ArgMatches, id: &str) -> Result<u32, UsageError> {
    let value = text(matches, id);
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
                "--{id} must be an octal number up to 7777, not \"{}\"",
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
            "--syslog-facility must be a facility like mail, daemon or local0, not \"{name}\""
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
    let hostname = given(matches, "hostname").unwrap_or(machine);
    Ok(Policy {
        delay: seconds(matches, "delay", 1)?,
        retry_window,
        max_age: seconds(matches, "max-age", SECONDS_PER_DAY)?,
        lookup_by: lookup_by(matches)?,
        by_domain: by_domain(matches)?,
        auto_whitelist: auto_whitelist(matches)?,
        privacy: matches.get_flag("privacy"),
        trust: trust(matches)?,
        greylist_action: line("greylist-action")?,
        greylist_text: line("greylist-text")?,
        blacklist_action: line("blacklist-action")?,
        blacklist_text: line("blacklist-text")?,
        header: line("x-greylist-header")?,
        is_dry_run: matches.get_flag("noaction"),
        adds_header: !matches.get_flag("no-x-greylist-header"),
        hostname: one_line("hostname", hostname)?,
    })
}

/// A time in seconds that is given in a unit of `unit` seconds.
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

fn lookup_by(matches: &ArgMatches) -> Result<LookupBy, UsageError> {
    let ipv4 = prefix(matches, "ipv4cidr", 32)?;
    let ipv6 = prefix(matches, "ipv6cidr", 128)?;
    if matches.get_flag("lookup-by-host") {
        Ok(LookupBy::Host)
    } else {
        Ok(LookupBy::Subnet { ipv4, ipv6 })
    }
}

fn by_domain(matches: &ArgMatches) -> Result<ByDomain, UsageError> {
    let auto_whitelist = one_of(matches, "auto-whitelist-by", &["client", "domain"])? == 1;
    Ok(ByDomain { triplets: matches.get_flag("lookup-by-domain"), auto_whitelist })
}

/// The length of a network's prefix in bits.
fn prefix(matches: &ArgMatches, id: &str, longest: u8) -> Result<u8, UsageError> {
    let bits = number_of("bits", matches, id, 1..=longest.into())?;
    Ok(u8::try_from(bits).unwrap_or(longest))
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

/// The error for a number that no clock or counter can hold.
fn not_a_number(id: &str, value: i64) -> UsageError {
    UsageError::parse(getopt::number_expected(id, &value.to_string()))
}
