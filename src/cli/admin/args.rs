//! Reading the arguments of one command.

use crate::cli::settings::Place;
use crate::cli::shared;
use clap::ArgMatches;
use clap::parser::ValueSource;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// As text: for people or, where there is one, in the customary format.
    Text,
    Json,
}

/// The place of the database, as far as it is typed.
pub(super) fn place(matches: &ArgMatches) -> Place {
    let typed = |id: &'static str| {
        let is_typed = matches.value_source(id) == Some(ValueSource::CommandLine);
        given(matches, id).filter(|_| is_typed)
    };
    let name = |id| typed(id).map(|name| name.to_string_lossy().into_owned());
    Place {
        dbdir: typed("dbdir").map(PathBuf::from),
        user: name("user"),
        group: name("group"),
        defaults: text(matches, "defaults").into(),
        config: typed("config").map(PathBuf::from),
        shared: shared::typed_words(typed),
    }
}

/// The output format, by `--json`.
pub(super) fn format(matches: &ArgMatches) -> OutputFormat {
    if matches.get_flag("json") { OutputFormat::Json } else { OutputFormat::Text }
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

/// The value of an option, if it was given.
pub(super) fn given<'a>(matches: &'a ArgMatches, id: &str) -> Option<&'a OsStr> {
    matches.get_one::<OsString>(id).map(OsString::as_os_str)
}

/// The value of an option that has a default.
pub(super) fn text<'a>(matches: &'a ArgMatches, id: &str) -> &'a OsStr {
    given(matches, id).unwrap_or_default()
}
