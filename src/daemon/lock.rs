//! One daemon a database directory.

use super::Failure;
use super::failure::errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The locked `postgrey.lock` of a directory: the original's own lock, so that
/// the two programs keep out of each other's way as well. Free again when it
/// is dropped; the file stays, as the original's does (BEHAVIOUR G).
#[derive(Debug)]
pub struct DirectoryLock {
    _file: Flock<File>,
}

impl DirectoryLock {
    /// Locks a directory. To be called with the rights of the daemon's user,
    /// to whom the file then belongs.
    ///
    /// # Errors
    /// When another daemon holds the lock, or the file cannot be made.
    pub fn take(directory: &Path) -> Result<DirectoryLock, Failure> {
        let path = directory.join("postgrey.lock");
        let shown = path.display();
        let file = OpenOptions::new()
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
            Ok(file) => Ok(DirectoryLock { _file: file }),
            Err((_, why)) => Err(Failure::system(format!("locked: {shown}"), why)),
        }
    }
}
