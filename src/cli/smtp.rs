//! The options of the SMTP proxy, as typed values.

use super::UsageError;
use super::matched::{OR_A_PATH, all, endpoint, given, number_of, one_of, text};
use crate::daemon::endpoint::{Endpoint, Place};
use clap::ArgMatches;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

/// The longest time limit for a name, in seconds: clients wait for the greeting
/// for five minutes (RFC 5321 section 4.5.3.2.1).
const MAX_DNS_TIMEOUT: i64 = 60;

/// The largest --smtp-max-clients: each has a file descriptor.
const MAX_CLIENTS: i64 = 1_000_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    pub listen: Vec<Endpoint>,
    pub backend: Place,
    /// The version of the PROXY protocol, 1 or 2; `None` if it is off.
    pub proxy_protocol: Option<u8>,
    /// The files of the certificate and of its key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// The time limit for the name of a client.
    pub dns_timeout: Duration,
    pub max_clients: usize,
}

/// Converts the options of the proxy; `None` without `--smtp`.
pub(super) fn options(matches: &ArgMatches) -> Result<Option<Smtp>, UsageError> {
    let listen = places(matches)?;
    let backend = backend(matches)?;
    let dns_timeout = number_of("seconds", matches, "smtp-dns-timeout", 1..=MAX_DNS_TIMEOUT)?;
    let max_clients = number_of("clients", matches, "smtp-max-clients", 1..=MAX_CLIENTS)?;
    let smtp = Smtp {
        proxy_protocol: [Some(2), Some(1), None]
            [one_of(matches, "smtp-proxy-protocol", &["2", "1", "off"])?],
        tls: tls(matches)?,
        dns_timeout: Duration::from_secs(dns_timeout),
        max_clients: usize::try_from(max_clients).unwrap_or(usize::MAX),
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

fn places(matches: &ArgMatches) -> Result<Vec<Endpoint>, UsageError> {
    all(matches, "smtp").map(|place| endpoint("smtp", place, "")).collect()
}

/// A path starts with a slash or a dot; anything else is a host and a port.
fn backend(matches: &ArgMatches) -> Result<Option<Place>, UsageError> {
    given(matches, "smtp-backend")
        .map(|place| match place.as_bytes() {
            [b'/' | b'.', ..] => Ok(Place::Unix(place.into())),
            _ => endpoint("smtp-backend", place, OR_A_PATH).map(Place::Inet),
        })
        .transpose()
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
