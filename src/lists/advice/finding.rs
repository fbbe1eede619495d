//! What is found: a problem, how bad it is, and what to do.

use crate::lists::file::Location;
use std::path::{Path, PathBuf};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The line works, but not as it looks, or needlessly.
    Warning,
    /// The line matches nobody, or everybody.
    Error,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Write these lines in its place.
    Write(Vec<String>),
    /// Do what this sentence says.
    Do(String),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In which file.
    pub file: PathBuf,
    /// In which line, from 1; none when it is the file as a whole.
    pub line: Option<u32>,
    /// How bad it is.
    pub severity: Severity,
    /// Its kind in one word, for programs.
    pub kind: &'static str,
    /// The rule, as it is written; empty when it is the file as a whole.
    pub rule: String,
    /// What is wrong, a sentence that goes on from the rule.
    pub problem: String,
    /// What to do.
    pub remedy: Remedy,
}

impl Finding {
    /// About a file as a whole, or a line of it that is no rule. `problem` is a
    /// sentence, and so is `remedy`.
    #[must_use]
    pub fn of_file(
        file: &Path,
        line: Option<u32>,
        severity: Severity,
        kind: &'static str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        let (rule, problem, remedy) = (String::new(), problem.into(), instead(remedy));
        Finding { file: file.to_owned(), line, severity, kind, rule, problem, remedy }
    }
}

/// What a look at one rule finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Advice {
    pub(super) severity: Severity,
    pub(super) problem: String,
    pub(super) remedy: Remedy,
}

/// For a rule that matches nobody; `problem` goes on from the rule.
pub(super) fn useless(problem: impl Into<String>, remedy: Remedy) -> Advice {
    Advice { severity: Severity::Error, problem: problem.into(), remedy }
}

/// For a rule that works, but not as it looks.
pub(super) fn doubtful(problem: impl Into<String>, remedy: Remedy) -> Advice {
    Advice { severity: Severity::Warning, problem: problem.into(), remedy }
}

pub(super) fn write(line: impl Into<String>) -> Remedy {
    Remedy::Write(vec![line.into()])
}

pub(super) fn instead(sentence: impl Into<String>) -> Remedy {
    Remedy::Do(sentence.into())
}

/// The same about a rule, where it stands.
pub(super) fn finding(
    origin: &Location,
    rule: &[u8],
    kind: &'static str,
    advice: Advice,
) -> Finding {
    let Advice { severity, problem, remedy } = advice;
    Finding {
        file: origin.file().to_owned(),
        line: Some(origin.line()),
        severity,
        kind,
        rule: String::from_utf8_lossy(rule).into_owned(),
        problem,
        remedy,
    }
}
