//! LMDB's errors in the words of an administrator: what failed, and what to do.

use crate::state::Error;
use nix::errno::Errno;
use nix::sys::statvfs::statvfs;
use std::io;
use std::path::Path;

const EACCES: i32 = Errno::EACCES as i32;
const EIO: i32 = Errno::EIO as i32;
const ENOMEM: i32 = Errno::ENOMEM as i32;

/// An error of the system as LMDB represents it.
pub fn of_system(error: &io::Error) -> lmdb::Error {
    lmdb::Error::Other(error.raw_os_error().unwrap_or(EIO))
}

pub const START_AFRESH: &str =
    "to start with an empty database, move this file and its -lock file away";

pub fn explain_open(path: &Path, error: lmdb::Error) -> Error {
    let path = path.display();
    Error::new(match error {
        lmdb::Error::Invalid | lmdb::Error::VersionMismatch | lmdb::Error::Corrupted => {
            format!("{path} is not a database of this program, or is damaged; {START_AFRESH}")
        }
        lmdb::Error::Other(ENOMEM) => {
            format!("can't open database {path}: no address space for it (LimitAS, ulimit -v)")
        }
        lmdb::Error::Other(EACCES) => format!(
            "can't open database {path}: Permission denied; give it to the user that postgrey \
             runs as"
        ),
        error => format!("can't open database {path}: {}", describe(error)),
    })
}

pub fn explain_read(path: &Path, error: lmdb::Error) -> Error {
    match error {
        lmdb::Error::Corrupted | lmdb::Error::PageNotFound => {
            explain_damage(path, "its pages make no sense")
        }
        error => Error::new(format!("can't read database {}: {}", path.display(), describe(error))),
    }
}

pub fn explain_damage(path: &Path, what: &str) -> Error {
    let path = path.display();
    Error::new(format!(
        "{path} is damaged: {what}; go back to a copy (postgrey backup), or {START_AFRESH}"
    ))
}

pub fn explain_write(path: &Path, error: lmdb::Error) -> Error {
    // To LMDB a write that was cut short for want of room is an I/O error.
    let is_full = || statvfs(path).is_ok_and(|disk| disk.blocks_available() == 0);
    let error = match error {
        lmdb::Error::Other(EIO) if is_full() => lmdb::Error::Other(Errno::ENOSPC as i32),
        error => error,
    };
    Error::new(format!("can't write database {}: {}", path.display(), describe(error)))
}

/// The error of a sweep for which there is no thread.
pub fn explain_no_thread(path: &Path) -> Error {
    Error::new(format!(
        "can't write database {}: no thread can be started (TasksMax, LimitNPROC, ulimit -u)",
        path.display()
    ))
}

fn describe(error: lmdb::Error) -> String {
    match error {
        lmdb::Error::Other(code) => Errno::from_raw(code).desc().to_string(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_cannot_be_started_is_told_from_a_disk_that_fails() {
        let error = explain_no_thread(Path::new("/a")).to_string();
        assert!(error.contains("no thread can be started (TasksMax"), "{error}");
    }
}
