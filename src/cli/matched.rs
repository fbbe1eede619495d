//! Values of options among clap's matches, with their limits.

use super::UsageError;
use crate::daemon::endpoint::Endpoint;
use clap::ArgMatches;
use clap::parser::ValueSource;
use std::ffi::{OsStr, OsString};
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// The values of `--milter` and `--smtp-backend` besides a port.
pub(super) const OR_A_PATH: &str = ", or the path of a socket, which begins with a slash";

/// Returns the value of an option, if it was given or has a default.
pub fn given<'a>(matches: &'a ArgMatches, id: &str) -> Option<&'a OsStr> {
    matches.get_one::<OsString>(id).map(OsString::as_os_str)
}

/// Returns the value of an option if it was given on the command line.
pub fn typed<'a>(matches: &'a ArgMatches, id: &str) -> Option<&'a OsStr> {
    let is_typed = matches.value_source(id) == Some(ValueSource::CommandLine);
    given(matches, id).filter(|_| is_typed)
}

/// Returns the value of an option, empty if it was not given and has no default.
pub fn text<'a>(matches: &'a ArgMatches, id: &str) -> &'a OsStr {
    given(matches, id).unwrap_or_default()
}

/// Returns all values of an option that may be repeated.
pub fn all<'a>(matches: &'a ArgMatches, id: &str) -> impl Iterator<Item = &'a OsString> {
    matches.get_many::<OsString>(id).into_iter().flatten()
}

pub fn paths(matches: &ArgMatches, id: &str) -> Vec<PathBuf> {
    all(matches, id).map(PathBuf::from).collect()
}

/// Returns the value of an integer option that has a default in the table.
pub fn number(matches: &ArgMatches, id: &str) -> i64 {
    *matches.get_one::<i64>(id).expect("a default in the table")
}

/// Returns the value of an integer option with limits.
pub fn number_of(
    unit: &str,
    matches: &ArgMatches,
    id: &str,
    range: RangeInclusive<i64>,
) -> Result<u64, UsageError> {
    let number = number(matches, id);
    u64::try_from(number).ok().filter(|_| range.contains(&number)).ok_or_else(|| {
        let (min, max) = range.into_inner();
        UsageError::refused(format!(
            "--{id} must be a number of {unit} from {min} to {max}, not {number}"
        ))
    })
}

/// Returns the index of an option's value among a few words.
pub fn one_of(matches: &ArgMatches, id: &str, words: &[&str]) -> Result<usize, UsageError> {
    let value = text(matches, id);
    words.iter().position(|word| value == *word).ok_or_else(|| {
        let (last, others) = words.split_last().unwrap_or((&"", &[]));
        let (others, value) = (others.join(", "), value.to_string_lossy());
        UsageError::refused(format!("--{id} must be {others} or {last}, not \"{value}\""))
    })
}

/// Returns a value that can only be text: an address, a user, a group.
pub fn name(id: &str, value: &OsStr) -> Result<String, UsageError> {
    value.to_str().map(str::to_owned).ok_or_else(|| {
        let value = value.to_string_lossy();
        UsageError::refused(format!("--{id} must be valid UTF-8, not \"{value}\""))
    })
}

/// Returns a value that is `[HOST:]PORT`; `or` describes other values of the option.
/// The original's messages for `--inet` do not apply, as it has no such option.
pub fn endpoint(id: &str, place: &OsStr, or: &str) -> Result<Endpoint, UsageError> {
    let place = name(id, place)?;
    Endpoint::parse(&place).map_err(|_| {
        UsageError::refused(format!(
            "--{id}={place} is not a TCP port; write a port's number or HOST:PORT{or}"
        ))
    })
}
