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

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub file: PathBuf,
    /// The line, from 1, unless the file as a whole is meant.
    pub line: Option<u32>,
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
    /// A finding about a file, or about a line of it that is not a rule.
    pub fn of_file(
        file: &Path,
        line: Option<u32>,
        level: Level,
        kind: &'static str,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Finding {
        let (file, rule, problem) = (file.to_owned(), String::new(), problem.into());
        Finding { file, line, level, kind, rule, problem, fix: Fix::advise(fix) }
    }
}
