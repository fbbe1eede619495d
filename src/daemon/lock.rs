//! One daemon a database directory.

use super::Failure;
use super::failure::errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Digits of the largest process number, and a newline.
const MAX_PID_LENGTH: u64 = 11;

/// The locked `postgrey.lock` of a directory: the original's own lock, so that
/// the two programs exclude each other. It holds the number of the process.
/// Free again when it is dropped; the file stays, as the original's does
/// (BEHAVIOUR G).
#[derive(Debug)]
pub struct DirectoryLock {
    file: Flock<File>,
    is_unchecked: bool,
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // A free lock names no process, unless the next holder has to know that one was
        // killed.
        if !self.is_unchecked {
            let _ = self.file.set_len(0);
        }
    }
}

impl DirectoryLock {
    /// Locks a directory. Must be called with the rights of the daemon's user,
    /// who then owns the file.
    pub fn take(directory: &Path) -> Result<DirectoryLock, Failure> {
        let path = path(directory);
        let shown = path.display();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| {
                let why = errno(&error);
                let text = format!(
                    "can't open lock file: {shown}: {}; --dbdir must be a directory in which \
                     --user may write",
                    why.desc()
                );
                Failure::system(text, why)
            })?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut file) => {
                let is_unchecked = file.metadata().is_ok_and(|metadata| metadata.len() > 0);
                // Only for people to read: a full disk must not stop the daemon.
                let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                Ok(DirectoryLock { file, is_unchecked })
            }
            // The original's sentence, which names no process.
            Err((_, why)) => Err(Failure::system(format!("locked: {shown}"), why)),
        }
    }

    /// Returns true if a holder was killed, or the machine failed, and the database was
    /// not checked since.
    pub fn is_unchecked(&self) -> bool {
        self.is_unchecked
    }

    pub fn set_checked(&mut self) {
        self.is_unchecked = false;
    }

    /// Returns the process that holds the lock of a directory, if one does: `process N`,
    /// or `a process` for the original, which does not write its number.
    pub fn holder(directory: &Path) -> io::Result<Option<String>> {
        let file = match File::open(path(directory)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        match Flock::lock(file, FlockArg::LockSharedNonblock) {
            Ok(_) => Ok(None),
            Err((file, _)) => {
                let pid = pid_in(&file).map(|pid| format!("process {pid}"));
                Ok(Some(pid.unwrap_or_else(|| "a process".to_owned())))
            }
        }
    }
}

fn path(directory: &Path) -> PathBuf {
    directory.join("postgrey.lock")
}

fn pid_in(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(MAX_PID_LENGTH).read_to_string(&mut text).ok()?;
    text.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_of_a_killed_process_is_unchecked_until_the_database_was_checked() {
        let name = format!("postgrey-lock-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).unwrap();
        let take = || DirectoryLock::take(&directory).unwrap();
        assert!(!take().is_unchecked(), "there was none");
        assert!(!take().is_unchecked(), "it was released");
        std::fs::write(path(&directory), "4711\n").unwrap();
        assert!(take().is_unchecked());
        assert!(take().is_unchecked(), "nothing was checked");
        take().set_checked();
        assert!(!take().is_unchecked());
        std::fs::remove_dir_all(directory).unwrap();
    }
}
