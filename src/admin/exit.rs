//! The result of a command: its exit status, and the text of an error.

use crate::daemon::Failure;
use crate::state;
use std::fmt;
use std::io;

/// The outcome of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    /// No entry matched.
    NothingMatched,
    /// Nothing was found, and the output says so.
    NothingFound,
    /// The output has warnings.
    Warnings,
    /// The output has errors.
    Errors,
    /// No daemon runs.
    NotRunning,
    /// It is not known whether a daemon runs.
    Unknown,
}

impl Exit {
    /// The exit status.
    pub fn status(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::NothingMatched | Exit::NothingFound | Exit::Warnings => 1,
            Exit::Errors => 2,
            // As systemctl's status.
            Exit::NotRunning => 3,
            Exit::Unknown => 4,
        }
    }
}

/// The reason for which a command failed.
#[derive(Debug)]
pub enum Error {
    /// The arguments are invalid.
    Usage(String),
    /// The database, the daemon or the system did not permit it.
    Access(String),
    /// Another process has reported the error.
    Reported,
    /// The reader of the output has closed it, as `head` does. No error.
    BrokenPipe,
}

impl Error {
    /// The exit status.
    pub fn status(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            Error::Access(_) | Error::Reported => 3,
            Error::BrokenPipe => 0,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(sentence) | Error::Access(sentence) => f.write_str(sentence),
            Error::Reported | Error::BrokenPipe => Ok(()),
        }
    }
}

impl From<state::Error> for Error {
    fn from(error: state::Error) -> Error {
        Error::Access(error.to_string())
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        Error::Access(failure.to_string())
    }
}

/// Output is the only thing that commands write without the database.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Error::BrokenPipe,
            _ => Error::Access(format!("can't write the output: {error}")),
        }
    }
}
