//! Perl's Getopt::Long syntax, which scripts and init files rely on and clap
//! lacks: rewrites arguments so that clap parses them as Perl would.
//!
//! This module names no option: the clap command has the names and values, so
//! that each program has one table.

use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::iter::Peekable;
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, Command};

use super::suggest;

/// The value that an option accepts, from its clap entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// A switch (`num_args(0)`).
    Nothing,
    /// A value; the next word is it, even if it begins with a dash.
    Value {
        /// True if `--name=` is accepted, too (`num_args(0..=1)` with
        /// `allow_hyphen_values`).
        may_be_empty: bool,
    },
    /// A value if the next word looks like one (`num_args(0..=1)`).
    PerhapsValue,
}

impl Takes {
    /// Reads it off an entry of a command that was built (`Command::build`).
    pub(super) fn of(arg: &Arg) -> Takes {
        if !arg.get_action().takes_values() {
            return Takes::Nothing;
        }
        let may_be_empty = arg.get_num_args().is_some_and(|n| n.min_values() == 0);
        if may_be_empty && !arg.is_allow_hyphen_values_set() {
            return Takes::PerhapsValue;
        }
        Takes::Value { may_be_empty }
    }
}

/// An option that was given, by its long name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub name: String,
    pub value: Option<OsString>,
    /// The line of the configuration file that has it, unless it was typed.
    pub line: Option<u32>,
}

impl Given {
    pub fn new(name: &str, value: impl Into<OsString>) -> Given {
        Given { name: name.to_owned(), value: Some(value.into()), line: None }
    }

    /// The form that clap parses correctly for all values: `--name` or `--name=value`.
    pub fn word(&self) -> OsString {
        let mut word = OsString::from(format!("--{}", self.name));
        if let Some(value) = &self.value {
            word.push("=");
            word.push(value);
        }
        word
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) options: Vec<Given>,
    /// Everything from the first plain argument on, or after `--`.
    pub(super) rest: Vec<OsString>,
}

/// Rewrites the options of `words` (without the program's name). They end
/// before the first plain word. `command` must have been built.
///
/// # Errors
///
/// One line for each word that cannot be understood, in the order of the
/// words, in Getopt::Long's sentences (BEHAVIOUR A1).
pub(super) fn rewrite(command: &Command, words: Vec<OsString>) -> Result<Words, Vec<String>> {
    let mut options = Vec::with_capacity(words.len());
    let mut errors = Vec::new();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next_if(|word| is_option(word)) {
        match option(command, &word, &mut words) {
            Ok(given) => options.push(given),
            Err(error) => errors.push(error),
        }
    }
    words.next_if(|word| word == "--");
    if errors.is_empty() { Ok(Words { options, rest: words.collect() }) } else { Err(errors) }
}

/// `-` alone is a plain word, and `--` ends the options.
fn is_option(word: &OsStr) -> bool {
    word.as_bytes().starts_with(b"-") && word != "-" && word != "--"
}

/// Rewrites one option, with its value from the words that follow.
fn option(
    command: &Command,
    word: &OsStr,
    following: &mut Peekable<impl Iterator<Item = OsString>>,
) -> Result<Given, String> {
    let (name, attached) = split(word);
    let shown = name.to_string_lossy();
    let arg = find(command, name)
        .ok_or_else(|| format!("Unknown option: {shown}{}", suggestion(command, &shown)))?;
    let value = value(Takes::of(arg), attached, following)
        .map_err(|problem| format!("Option {shown} {problem}"))?;
    let value = match value {
        Some(value) if is_number(arg) => Some(
            number(&value)
                .map(OsString::from)
                .ok_or_else(|| number_expected(&shown, &value.to_string_lossy()))?,
        ),
        value => value,
    };
    let name = arg.get_long().unwrap_or(arg.get_id().as_str()).to_owned();
    Ok(Given { name, value, line: None })
}

/// The option's value, if it has one, from after its `=` or from the words that
/// follow.
fn value(
    takes: Takes,
    attached: Option<&OsStr>,
    following: &mut Peekable<impl Iterator<Item = OsString>>,
) -> Result<Option<OsString>, &'static str> {
    const MISSING: &str = "requires an argument";
    match (takes, attached) {
        (Takes::Nothing, None) => Ok(None),
        (Takes::Nothing, Some(_)) => Err("does not take an argument"),
        (Takes::Value { .. }, None) => following.next().map(Some).ok_or(MISSING),
        (Takes::Value { may_be_empty }, Some(value)) if value.is_empty() && !may_be_empty => {
            Err(MISSING)
        }
        (Takes::PerhapsValue, None) => {
            let value = following.next_if(|word| !is_option(word) && word != "--");
            Ok(value.filter(|value| !value.is_empty()))
        }
        (_, Some(value)) => Ok(Some(value.to_owned()).filter(|value| !value.is_empty())),
    }
}

/// The error for a value that is not a valid number.
pub(super) fn number_expected(name: &str, value: &str) -> String {
    format!("Value \"{value}\" invalid for option {name} (number expected)")
}

/// Returns the option's name, and the value after the first `=` that is not the
/// name's first character. A single dash has no attached value.
fn split(word: &OsStr) -> (&OsStr, Option<&OsStr>) {
    let bytes = word.as_bytes();
    let Some(long) = bytes.strip_prefix(b"--") else {
        return (OsStr::from_bytes(&bytes[1..]), None);
    };
    let (name, value) = match memchr::memchr(b'=', &long[1..]) {
        Some(at) => (&long[..=at], Some(OsStr::from_bytes(&long[at + 2..]))),
        None => (long, None),
    };
    (OsStr::from_bytes(name), value)
}

/// The entry with this very name, long or short: no abbreviations, and no
/// difference between one dash and two.
fn find<'a>(command: &'a Command, name: &OsStr) -> Option<&'a Arg> {
    let name = name.to_str()?;
    command.get_arguments().find(|arg| {
        arg.get_long() == Some(name)
            || arg.get_all_aliases().is_some_and(|all| all.contains(&name))
            || arg.get_short().is_some_and(|short| name == short.to_string())
    })
}

/// The option that an unknown name probably means. The original's message ends
/// before it.
fn suggestion(command: &Command, name: &str) -> String {
    // A single dash has no attached value, but scripts write one.
    if let Some((name, value)) = name.split_once('=') {
        let takes = find(command, OsStr::new(name)).map(Takes::of);
        if takes.is_some_and(|takes| takes != Takes::Nothing) {
            return format!("; did you mean --{name}={value}?");
        }
    }
    let name = name.split('=').next().unwrap_or(name);
    let names = command.get_arguments().flat_map(Arg::get_long_and_visible_aliases);
    let closest = suggest::closest(name, names.flatten());
    closest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

/// Returns true if the entry's value is parsed as an `i64`.
fn is_number(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<i64>()
}

/// Parses a decimal number as Getopt::Long does, with underscores among the
/// digits and an optional final newline; returns plain digits.
fn number(value: &OsStr) -> Option<String> {
    let text = value.to_str()?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') {
        return None;
    }
    let number: i64 = text.replace('_', "").parse().ok()?;
    Some(number.to_string())
}

#[cfg(test)]
mod tests {
    use clap::ArgAction;

    use super::*;

    #[test]
    fn similar_option_is_suggested() {
        let mut command = Command::new("hello").args([
            Arg::new("loud").long("loud").short('l').action(ArgAction::SetTrue),
            Arg::new("to").long("to").visible_alias("name").allow_hyphen_values(true),
        ]);
        command.build();
        for (typed, expected) in [
            ("-x", "Unknown option: x"),
            ("--lou", "Unknown option: lou; did you mean loud?"),
            ("-to=x", "Unknown option: to=x; did you mean --to=x?"),
            ("--nam=x", "Unknown option: nam; did you mean name?"),
        ] {
            let errors = rewrite(&command, vec![typed.into()]).unwrap_err();
            assert_eq!(errors, [expected], "{typed}");
        }
    }
}
