//! Reading the arguments of one command.

pub(super) use crate::cli::matched::{given, text, typed};
use crate::cli::settings::ToolOptions;
use crate::cli::shared;
use clap::ArgMatches;
use std::ffi::OsStr;
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// As text: for people or, where there is one, in the customary format.
    Text,
    Json,
}

/// Returns the options of the database that are on the command line.
pub(super) fn tool_options(matches: &ArgMatches) -> ToolOptions {
    let name = |id| typed(matches, id).map(|name| name.to_string_lossy().into_owned());
    ToolOptions {
        dbdir: typed(matches, "dbdir").map(PathBuf::from),
        user: name("user"),
        group: name("group"),
        defaults: text(matches, "defaults").into(),
        config: typed(matches, "config").map(PathBuf::from),
        shared: shared::typed_words(|id| typed(matches, id)),
    }
}

/// The output format, by `--json`, which some commands lack.
pub(super) fn format(matches: &ArgMatches) -> OutputFormat {
    match matches.try_get_one("json") {
        Ok(Some(true)) => OutputFormat::Json,
        _ => OutputFormat::Text,
    }
}

/// The name of an option or argument as it is typed.
pub(super) fn named(id: &str) -> String {
    if id.starts_with(char::is_lowercase) { format!("--{id}") } else { id.to_owned() }
}

/// The value of an option as a type, if it was given.
pub(super) fn parsed<T: std::str::FromStr>(
    matches: &ArgMatches,
    id: &str,
    what: &str,
) -> Result<Option<T>, String> {
    let Some(word) = given(matches, id) else {
        return Ok(None);
    };
    let value = word.to_str().and_then(|word| word.parse().ok());
    value.map(Some).ok_or_else(|| invalid(&named(id), what, word))
}

/// The error for an argument that is not a valid `what`.
pub(super) fn invalid(name: &str, what: &str, word: &OsStr) -> String {
    format!("{name} must be {what}, not \"{}\"", word.to_string_lossy())
}
