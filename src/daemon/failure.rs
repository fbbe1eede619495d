//! Errors of the start.

use nix::errno::Errno;
use std::fmt;

/// A sentence for the administrator and the status with which to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    message: String,
    /// Advice for the administrator; empty if unknown.
    advice: String,
    status: u8,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), advice: String::new(), status: 255 }
    }

    /// A failure of a system call, whose number becomes the exit status: so
    /// does the original's (BEHAVIOUR B, `rc=errno`).
    pub fn system(message: impl Into<String>, error: Errno) -> Failure {
        let status = u8::try_from(error as i32).unwrap_or(255);
        Failure { message: message.into(), advice: String::new(), status }
    }

    /// Adds what the administrator can do about it.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Failure {
        self.advice = advice.into();
        self
    }

    /// The message and the advice, for a program that prints them separately.
    pub fn parts(&self) -> (&str, &str) {
        (&self.message, &self.advice)
    }

    /// The exit status, never zero.
    pub fn status(&self) -> u8 {
        self.status.max(1)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, "; {}", self.advice) }
    }
}

impl std::error::Error for Failure {}

pub fn errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
