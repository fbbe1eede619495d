//! The process that opens the database where no daemon runs. A damaged file can
//! end it by a signal or keep it busy for ever; both are reported here.

use super::source::Source;
use crate::state::SHARED_STATE_VARIABLE;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The time in which a process with a closed connection has to end.
const END_LIMIT: Duration = Duration::from_secs(2);

/// A child, which ends with this value.
#[derive(Debug)]
pub struct Child(process::Child);

impl Child {
    /// Starts a process that opens a source; `file` becomes its standard output, which no
    /// such process writes to.
    pub fn start(
        source: &Source,
        file: impl Into<Stdio>,
        url: Option<String>,
    ) -> io::Result<(Child, UnixStream)> {
        let (own, other) = UnixStream::pair()?;
        let child = Command::new(program())
            .args(source.arguments())
            .envs(url.map(|url| (SHARED_STATE_VARIABLE, url)))
            .stdin(OwnedFd::from(other))
            .stdout(file)
            .spawn()?;
        Ok((Child(child), own))
    }

    /// Returns how the process ended, if it did so by itself; ends it otherwise.
    pub fn end(&mut self) -> End {
        let deadline = Instant::now() + END_LIMIT;
        while Instant::now() < deadline {
            match self.0.try_wait() {
                Ok(Some(status)) => {
                    return status.signal().map_or(End::Exited, End::Killed);
                }
                Ok(None) => thread::sleep(Duration::from_millis(1)),
                Err(_) => break,
            }
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
        End::Stuck
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It only reads, or has acknowledged what it wrote.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Exited,
    Killed(i32),
    Stuck,
}

/// This program, also after its file was replaced by an upgrade.
pub fn program() -> OsString {
    let own = Path::new("/proc/self/exe");
    if own.exists() {
        return own.into();
    }
    std::env::args_os().next().unwrap_or_else(|| "postgrey".into())
}
