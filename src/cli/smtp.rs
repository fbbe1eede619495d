//! The options of the SMTP proxy, as typed values.

use super::UsageError;
use super::matched::{name, number, text};
use crate::daemon::endpoint::Endpoint;
use clap::ArgMatches;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

/// The longest time limit for a name, in seconds: clients wait for the greeting
/// for five minutes (RFC 5321 section 4.5.3.2.1).
const MAX_DNS_TIMEOUT: i64 = 60;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    pub listen: Vec<String>,
    pub backend: SmtpBackend,
    /// The version of the PROXY protocol, 1 or 2, if it is spoken.
    pub proxy_protocol: Option<u8>,
    /// The files of the certificate and of its key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// The time limit for the name of a client.
    pub dns_timeout: Duration,
    pub max_clients: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmtpBackend {
    /// `[HOST:]PORT` as typed.
    Inet(String),
    Unix(PathBuf),
}

/// Converts the options of the proxy; `None` if it is not wanted.
pub(super) fn options(matches: &ArgMatches) -> Result<Option<Smtp>, UsageError> {
    let listen = places(matches)?;
    let backend = backend(matches)?;
    let smtp = Smtp {
        proxy_protocol: proxy_protocol(matches)?,
        tls: tls(matches)?,
        dns_timeout: dns_timeout(matches)?,
        max_clients: max_clients(matches)?,
        backend: match (backend, listen.is_empty()) {
            (Some(backend), false) => backend,
            (None, true) => return Ok(None),
            (None, false) => {
                let why = "--smtp needs --smtp-backend, the mail server behind it";
                return Err(UsageError::refused(why));
            }
            (Some(_), true) => {
                return Err(UsageError::refused("--smtp-backend needs --smtp, a port for clients"));
            }
        },
        listen,
    };
    Ok(Some(smtp))
}

fn places(matches: &ArgMatches) -> Result<Vec<String>, UsageError> {
    let places = matches.get_many::<OsString>("smtp").into_iter().flatten();
    places
        .map(|place| match name("smtp", place)? {
            place if Endpoint::parse(&place).is_ok() => Ok(place),
            place => Err(no_port("smtp", &place, "")),
        })
        .collect()
}

/// A path begins with a slash or a dot; all else is a host and a port.
fn backend(matches: &ArgMatches) -> Result<Option<SmtpBackend>, UsageError> {
    let Some(place) = matches.get_one::<OsString>("smtp-backend") else {
        return Ok(None);
    };
    if let [b'/' | b'.', ..] = place.as_bytes() {
        return Ok(Some(SmtpBackend::Unix(place.into())));
    }
    let place = name("smtp-backend", place)?;
    if Endpoint::parse(&place).is_err() {
        let or = ", or the path of a socket, which begins with a slash";
        return Err(no_port("smtp-backend", &place, or));
    }
    Ok(Some(SmtpBackend::Inet(place)))
}

fn no_port(id: &str, place: &str, or: &str) -> UsageError {
    UsageError::refused(format!(
        "--{id}={place} is not a TCP port; write a port's number or HOST:PORT{or}"
    ))
}

fn proxy_protocol(matches: &ArgMatches) -> Result<Option<u8>, UsageError> {
    match text(matches, "smtp-proxy-protocol").to_string_lossy().as_ref() {
        "2" => Ok(Some(2)),
        "1" => Ok(Some(1)),
        "off" => Ok(None),
        other => Err(UsageError::refused(format!(
            "--smtp-proxy-protocol must be 2, 1 or off, not \"{other}\""
        ))),
    }
}

fn tls(matches: &ArgMatches) -> Result<Option<(PathBuf, PathBuf)>, UsageError> {
    let [certificate, key] = ["smtp-tls-cert", "smtp-tls-key"].map(|id| text(matches, id));
    match (certificate.is_empty(), key.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some((certificate.into(), key.into()))),
        (false, true) => Err(UsageError::refused("--smtp-tls-cert needs --smtp-tls-key")),
        (true, false) => Err(UsageError::refused("--smtp-tls-key needs --smtp-tls-cert")),
    }
}

fn dns_timeout(matches: &ArgMatches) -> Result<Duration, UsageError> {
    let seconds = number(matches, "smtp-dns-timeout");
    match u64::try_from(seconds) {
        Ok(limit @ 1..) if seconds <= MAX_DNS_TIMEOUT => Ok(Duration::from_secs(limit)),
        _ => Err(UsageError::refused(format!(
            "--smtp-dns-timeout must be 1 to {MAX_DNS_TIMEOUT} seconds, not {seconds}"
        ))),
    }
}

fn max_clients(matches: &ArgMatches) -> Result<usize, UsageError> {
    let clients = number(matches, "smtp-max-clients");
    match usize::try_from(clients) {
        Ok(limit @ 1..) => Ok(limit),
        _ => Err(UsageError::refused(format!(
            "--smtp-max-clients must be at least 1, not {clients}"
        ))),
    }
}
