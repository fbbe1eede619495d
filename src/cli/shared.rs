//! The options of the shared state, as typed values.

use super::matched::{number_of, text};
use super::{Given, UsageError};
use crate::state::{Address, SHARED_STATE_VARIABLE as VARIABLE, SharedState};
use clap::ArgMatches;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The option with the URL.
pub const OPTION: &str = "shared-state";

/// The valid time limits in milliseconds.
const TIMEOUTS: std::ops::RangeInclusive<i64> = 10..=10_000;

/// Bytes of the longest file with a URL.
const MAX_FILE_SIZE: u64 = 4096;

/// A URL, and where it comes from.
pub(super) struct Url {
    source: String,
    text: OsString,
}

/// Converts the options, with the URL found by [`url`]; `None` without a shared state.
///
/// # Errors
/// The first value that cannot be used. No text has a password in it.
pub(super) fn options(
    matches: &ArgMatches,
    url: Option<&Url>,
) -> Result<Option<SharedState>, UsageError> {
    let timeout = number_of("milliseconds", matches, "shared-state-timeout", TIMEOUTS)?;
    let Some(Url { source, text: url }) = url else {
        return Ok(None);
    };
    if !cfg!(feature = "shared-state") {
        let why = format!("{source}: this postgrey was built without the feature shared-state");
        return Err(UsageError::refused(why));
    }
    let url = url.to_str().ok_or_else(|| "it is not UTF-8".to_owned());
    let address = url.and_then(|url| Address::parse(url.trim_end()));
    let authorities = text(matches, "shared-state-ca");
    Ok(Some(SharedState {
        address: address.map_err(|why| UsageError::refused(format!("{source}: {why}")))?,
        authorities: (!authorities.is_empty()).then(|| PathBuf::from(authorities)),
        timeout: Duration::from_millis(timeout),
    }))
}

/// The options of a tool that name a shared state.
const OF_TOOLS: [&str; 3] = [OPTION, "shared-state-file", "shared-state-ca"];

/// The typed arguments, as the daemon's options.
pub(super) fn typed_words<'m>(typed: impl Fn(&'static str) -> Option<&'m OsStr>) -> Vec<OsString> {
    let word = |id| Some(Given::new(id, typed(id)?).word());
    OF_TOOLS.into_iter().filter_map(word).collect()
}

/// Finds the URL: on the command line or in the configuration file, else in the file
/// that they name, else in the environment.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn url(matches: &ArgMatches) -> Result<Option<Url>, UsageError> {
    if let Some(url) = typed(matches) {
        return Ok(Some(url));
    }
    let file = text(matches, "shared-state-file");
    if !file.is_empty() {
        let source = format!("--shared-state-file={}", file.to_string_lossy());
        return match first_line(Path::new(file)) {
            Ok(text) => Ok(Some(Url { source, text })),
            Err(error) => {
                let why = crate::daemon::errno(&error).desc();
                Err(UsageError::refused(format!("{source}: {why}")))
            }
        };
    }
    let variable = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
    Ok(variable.map(|text| Url { source: VARIABLE.to_owned(), text }))
}

/// The URL of `--shared-state`.
pub(super) fn typed(matches: &ArgMatches) -> Option<Url> {
    let url = Some(text(matches, OPTION)).filter(|url| !url.is_empty());
    url.map(|url| Url { source: "--shared-state".to_owned(), text: url.to_owned() })
}

fn first_line(file: &Path) -> io::Result<OsString> {
    let mut text = String::new();
    File::open(file)?.take(MAX_FILE_SIZE).read_to_string(&mut text)?;
    Ok(OsStr::new(text.lines().next().unwrap_or_default()).to_owned())
}
