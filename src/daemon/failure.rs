//! Why the daemon cannot start.

use nix::errno::Errno;
use std::fmt;

/// A sentence for the administrator and the status with which to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    message: String,
    status: u8,
}

impl Failure {
    /// A failure of which the system knows nothing.
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), status: 255 }
    }

    /// A failure of a system call, whose number becomes the exit status: so
    /// does the original's (BEHAVIOUR B, `rc=errno`).
    pub fn system(message: impl Into<String>, error: Errno) -> Failure {
        Failure { message: message.into(), status: u8::try_from(error as i32).unwrap_or(255) }
    }

    /// The exit status, never zero.
    pub fn status(&self) -> u8 {
        self.status.max(1)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The error number behind an I/O error.
pub fn errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
