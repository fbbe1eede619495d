//! A finding: a problem, its level and its fix.

use std::path::{Path, PathBuf};

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

/// The file of a finding, and its line, from 1, unless the file as a whole is
/// meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    pub line: Option<u32>,
}

impl Place {
    /// A file, or a line of it.
    pub fn new(file: &Path, line: Option<u32>) -> Place {
        Place { file: file.to_owned(), line }
    }

    /// The options of the command line, or several options together.
    pub fn options() -> Place {
        Place::new(Path::new("(options)"), None)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub place: Place,
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
    /// A warning about the options, with advice.
    pub fn warning(
        kind: &'static str,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        let (rule, problem, fix) = (String::new(), problem.into(), Fix::advise(advice));
        Finding { place: Place::options(), level: Level::Warning, kind, rule, problem, fix }
    }

    /// An error in the options, likewise.
    pub fn error(
        kind: &'static str,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding { level: Level::Error, ..Finding::warning(kind, problem, advice) }
    }

    /// The same finding at another place.
    pub fn at(self, place: Place) -> Finding {
        Finding { place, ..self }
    }
}
