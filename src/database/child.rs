//! The process that opens the database where no daemon runs. A damaged file can
//! end it by a signal or keep it busy for ever; both are reported here.

use super::location::SharedLocation;
use super::server::{FILE_OPTION, LOCKED_OPTION, SHARED_OPTION, WHOLE_OPTION};
use crate::state::{Metadata, SHARED_STATE_VARIABLE};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The first argument of such a process, not a command for users.
pub const WORD: &str = "database-server";

/// The time in which a process with a closed connection has to end.
const END_LIMIT: Duration = Duration::from_secs(2);

/// A child, which ends with this value.
#[derive(Debug)]
pub struct Child(process::Child);

impl Child {
    /// Starts a process that opens the database in a directory.
    pub fn of_directory(directory: &Path) -> io::Result<(Child, UnixStream)> {
        spawn(&[directory.as_os_str()], Stdio::null())
    }

    /// Starts a process that opens the database in a directory whose lock this process
    /// holds, and checks the file first.
    pub fn of_locked(directory: &Path, is_whole: bool) -> io::Result<(Child, UnixStream)> {
        let option = if is_whole { WHOLE_OPTION } else { LOCKED_OPTION };
        spawn(&[OsStr::new(option), directory.as_os_str()], Stdio::null())
    }

    /// Starts a process that reads an open file, of which `name` is shown.
    pub fn of_file(file: File, name: &Path) -> io::Result<(Child, UnixStream)> {
        spawn(&[OsStr::new(FILE_OPTION), name.as_os_str()], file.into())
    }

    /// Starts a process that uses a shared state.
    pub fn of_shared_state(location: &SharedLocation) -> io::Result<(Child, UnixStream)> {
        let SharedLocation { settings, metadata: Metadata { keys, rules }, .. } = location;
        let authorities = settings.authorities.as_deref().map(Path::as_os_str);
        let words = [OsStr::new(SHARED_OPTION), OsStr::new(keys), OsStr::new(rules)];
        let words: Vec<&OsStr> = words.into_iter().chain(authorities).collect();
        // Arguments are for all to see.
        spawn_with(&words, Stdio::null(), |command| {
            command.env(SHARED_STATE_VARIABLE, settings.address.url())
        })
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

/// The file is its standard output, which no such process writes to.
fn spawn(arguments: &[&OsStr], file: Stdio) -> io::Result<(Child, UnixStream)> {
    spawn_with(arguments, file, |command| command)
}

fn spawn_with(
    arguments: &[&OsStr],
    file: Stdio,
    prepare: impl FnOnce(&mut Command) -> &mut Command,
) -> io::Result<(Child, UnixStream)> {
    let (own, other) = UnixStream::pair()?;
    let mut command = Command::new(program());
    let child = prepare(&mut command)
        .arg(WORD)
        .args(arguments)
        .stdin(OwnedFd::from(other))
        .stdout(file)
        .spawn()?;
    Ok((Child(child), own))
}

/// This program, also after its file was replaced by an upgrade.
pub fn program() -> OsString {
    let own = Path::new("/proc/self/exe");
    if own.exists() {
        return own.into();
    }
    std::env::args_os().next().unwrap_or_else(|| "postgrey".into())
}
