//! A finding: a problem, its level and its fix.

use crate::cli::FilePlace;
use crate::lists::Location;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It works, but not as it looks, or needlessly.
    Warning,
    Error,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    Write(Vec<String>),
    Do(String),
}

impl Fix {
    pub fn write(line: impl Into<String>) -> Fix {
        Fix::Write(vec![line.into()])
    }

    pub fn advise(sentence: impl Into<String>) -> Fix {
        Fix::Do(sentence.into())
    }
}

impl From<&str> for Fix {
    fn from(sentence: &str) -> Fix {
        Fix::advise(sentence)
    }
}

impl From<String> for Fix {
    fn from(sentence: String) -> Fix {
        Fix::advise(sentence)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub place: FilePlace,
    pub level: Level,
    /// A name for the kind of problem, for programs.
    pub kind: &'static str,
    /// The rule of a list as it is written; empty if no rule is meant.
    pub rule: String,
    /// The problem; follows `rule` in a sentence.
    pub problem: String,
    pub fix: Fix,
}

impl Finding {
    /// A warning about the options.
    pub fn warning(kind: &'static str, problem: impl Into<String>, fix: impl Into<Fix>) -> Finding {
        let (rule, problem, fix) = (String::new(), problem.into(), fix.into());
        Finding { place: FilePlace::options(), level: Level::Warning, kind, rule, problem, fix }
    }

    /// An error in the options.
    pub fn error(kind: &'static str, problem: impl Into<String>, fix: impl Into<Fix>) -> Finding {
        Finding { level: Level::Error, ..Finding::warning(kind, problem, fix) }
    }

    /// The same finding at another place.
    pub fn at(self, place: FilePlace) -> Finding {
        Finding { place, ..self }
    }

    /// The same finding about a rule of a list.
    pub fn of_rule(self, location: &Location, rule: &[u8]) -> Finding {
        let place = FilePlace::new(location.file(), Some(location.line()));
        Finding { place, rule: String::from_utf8_lossy(rule).into_owned(), ..self }
    }
}
