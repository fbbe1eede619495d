//! Detaches from the terminal (BEHAVIOUR C2). The parent waits for the result of
//! the start.

use super::Failure;
use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, close, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};
use std::fs::{self, DirEntry, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::RawFd;
use std::os::unix::net::UnixStream;

/// The process in which [`detach`] returned.
#[derive(Debug)]
pub enum Detached {
    /// The one that the administrator started, with the status to exit with:
    /// zero if the daemon serves, else the daemon's own.
    Parent(u8),
    /// The daemon to be, which still has the administrator's standard error.
    Daemon(Readiness),
}

#[derive(Debug)]
pub struct Readiness {
    parent: UnixStream,
    null: File,
}

/// Forks; the child starts a new session without a terminal. Must be called
/// before anything is opened: only the standard descriptors stay open.
pub fn detach() -> Result<Detached, Failure> {
    let fail = |why: Errno| Failure::system(format!("Couldn't fork: {}", why.desc()), why);
    close_inherited();
    let (reader, writer) = UnixStream::pair().map_err(|error| fail(super::errno(&error)))?;
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")
        .map_err(|error| fail(super::errno(&error)))?;
    // SAFETY: the process has one thread at this moment, so that the child
    // inherits no lock that is held by a thread it does not have.
    #[allow(unsafe_code)]
    let side = unsafe { fork() }.map_err(fail)?;
    match side {
        ForkResult::Parent { child } => {
            drop(writer);
            wait(reader, child).map(Detached::Parent)
        }
        ForkResult::Child => {
            setsid().map_err(fail)?;
            dup2_stdin(&null).and_then(|()| dup2_stdout(&null)).map_err(fail)?;
            Ok(Detached::Daemon(Readiness { parent: writer, null }))
        }
    }
}

/// Closes inherited descriptors, which another process may be waiting for: a
/// package's installation hangs when a daemon that it starts keeps the pipe to
/// debconf.
fn close_inherited() {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else {
        return;
    };
    let number = |entry: DirEntry| entry.file_name().to_str()?.parse::<RawFd>().ok();
    // All of them are known before the first is closed, or the directory itself
    // would be.
    let descriptors: Vec<RawFd> = entries.filter_map(Result::ok).filter_map(number).collect();
    for descriptor in descriptors.into_iter().filter(|descriptor| *descriptor > 2) {
        let _ = close(descriptor);
    }
}

/// Returns the exit status of the parent. The daemon has reported an error
/// itself, unless it was killed.
fn wait(mut daemon: UnixStream, child: Pid) -> Result<u8, Failure> {
    let mut word = [0];
    if matches!(daemon.read(&mut word), Ok(1)) {
        return Ok(0);
    }
    match waitpid(child, None) {
        Ok(WaitStatus::Exited(_, status)) => Ok(u8::try_from(status).unwrap_or(255).max(1)),
        Ok(WaitStatus::Signaled(_, signal, _)) => {
            Err(Failure::new(format!("the daemon was killed by {signal} before it could serve")))
        }
        _ => Err(Failure::new("the daemon ended before it could serve, for an unknown reason")),
    }
}

impl Readiness {
    /// Reports to the parent that clients are served, and releases the terminal.
    pub fn announce(self) {
        let Readiness { mut parent, null } = self;
        // On failure the terminal stays open, which is harmless.
        let _ = dup2_stderr(&null);
        drop(null);
        let _ = parent.write_all(b"1");
    }
}
