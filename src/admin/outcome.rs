//! How a command ends: its exit status, and a sentence if it went wrong.

use crate::daemon::Failure;
use crate::database;
use crate::state;
use std::fmt;
use std::io;

/// A command that did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// There was nothing to do it with: no entry matched.
    NothingMatched,
    /// There was nothing, and its output says so.
    InVain,
    /// It looked, and its output warns of something.
    Doubtful,
    /// It looked, and its output says what is wrong.
    Wrong,
    /// It asked for the daemon, and none runs.
    NotRunning,
    /// It asked for the daemon, and cannot tell whether one runs.
    Unknown,
}

impl Outcome {
    /// The exit status.
    pub fn status(self) -> u8 {
        match self {
            Outcome::Done => 0,
            Outcome::NothingMatched | Outcome::InVain | Outcome::Doubtful => 1,
            Outcome::Wrong => 2,
            // As systemctl's status.
            Outcome::NotRunning => 3,
            Outcome::Unknown => 4,
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Error {
    /// The words make no sense.
    Usage(String),
    /// The database, the daemon or the system did not let it.
    Access(String),
    /// It was told already, by the process that had it.
    Told,
    /// Nobody reads the output any more, which is no trouble at all: `head`
    /// has seen enough.
    Unread,
}

impl Error {
    /// The exit status.
    pub fn status(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            Error::Access(_) | Error::Told => 3,
            Error::Unread => 0,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(sentence) | Error::Access(sentence) => f.write_str(sentence),
            Error::Told | Error::Unread => Ok(()),
        }
    }
}

impl From<state::Error> for Error {
    fn from(error: state::Error) -> Error {
        Error::Access(error.to_string())
    }
}

impl From<database::Error> for Error {
    fn from(error: database::Error) -> Error {
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
            io::ErrorKind::BrokenPipe => Error::Unread,
            _ => Error::Access(format!("can't write the output: {error}")),
        }
    }
}
