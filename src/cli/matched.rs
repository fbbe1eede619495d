//! Values of options among clap's matches.

use super::UsageError;
use clap::ArgMatches;
use std::ffi::{OsStr, OsString};

/// The value of an option, empty if it was not given and has no default.
pub fn text<'a>(matches: &'a ArgMatches, id: &str) -> &'a OsStr {
    matches.get_one::<OsString>(id).map_or(OsStr::new(""), OsString::as_os_str)
}

/// The value of an integer option that has a default in the table.
pub fn number(matches: &ArgMatches, id: &str) -> i64 {
    matches.get_one::<i64>(id).copied().unwrap_or_default()
}

/// A value that can only be text: an address, a user, a group.
pub fn name(id: &str, value: &OsStr) -> Result<String, UsageError> {
    value.to_str().map(str::to_owned).ok_or_else(|| {
        let value = value.to_string_lossy();
        UsageError::refused(format!("--{id} must be valid UTF-8, not \"{value}\""))
    })
}
