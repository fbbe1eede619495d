//! The place of a rule: a file, and a line of it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    pub(super) file: Arc<Path>,
    pub(super) line: u32,
}

impl Location {
    /// The file, as it was given on the command line.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The number of the line, from 1.
    pub fn line(&self) -> u32 {
        self.line
    }
}

/// `FILE line N`, as the original's warnings begin.
impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} line {}", self.file.display(), self.line)
    }
}
