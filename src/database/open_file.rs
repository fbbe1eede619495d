//! Files that the caller of a tool names. Root opens them, a process without its rights
//! reads them.

use super::opening;
use crate::daemon::privileges::Identity;
use crate::state::{self, Error};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::unistd::geteuid;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A file that was opened with other rights than those that read it.
pub struct OpenFile {
    file: File,
    path: PathBuf,
}

impl OpenFile {
    /// Opens a file with the rights of this process.
    pub fn open(path: &Path) -> Result<OpenFile, Error> {
        OpenFile::checked(path, open(path))
    }

    /// Opens a file with the rights of another user, or if these do not suffice with
    /// those of root. That user can read all that its processes have open, so it must
    /// not be able to choose the file: without links, a path leads where root says.
    pub fn open_as(identity: &Identity, path: &Path) -> Result<OpenFile, Error> {
        if is_descriptor(path) {
            return OpenFile::open(path);
        }
        let opened = identity.lend(|| Ok(open(path)));
        match opened.map_err(|failure| Error::new(failure.to_string()))? {
            Err(error) if error.kind() == ErrorKind::PermissionDenied && geteuid().is_root() => {
                let opened = OpenFile::checked(path, open_without_links(path))?;
                if opened.file.metadata().is_ok_and(|file| file.nlink() == 1) {
                    return Ok(opened);
                }
                Err(only_root(path, "has another name (a hard link)"))
            }
            opened => OpenFile::checked(path, opened),
        }
    }

    fn checked(path: &Path, file: io::Result<File>) -> Result<OpenFile, Error> {
        let file = file.map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ELOOP) => only_root(path, "is reached by a symbolic link"),
            _ => opening(path, &error),
        })?;
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Err(Error::new(format!("{} is not a regular file", path.display())));
        }
        Ok(OpenFile { file, path: path.to_owned() })
    }

    pub fn into_parts(self) -> (File, PathBuf) {
        (self.file, self.path)
    }

    /// Returns true if it is a database of this program, and not one to import.
    pub fn is_database(&self) -> bool {
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        state::local::is_lmdb(Path::new(&path)).is_ok_and(|is_database| is_database)
    }
}

/// A FIFO must not block.
const READ_FLAGS: OFlag = OFlag::O_NONBLOCK.union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);

/// Returns true for a file that the caller has opened for this process.
fn is_descriptor(path: &Path) -> bool {
    path == Path::new("/dev/stdin")
        || ["/dev/fd", "/proc/self/fd"].iter().any(|directory| path.starts_with(directory))
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(READ_FLAGS.bits()).open(path)
}

fn open_without_links(path: &Path) -> io::Result<File> {
    let how = OpenHow::new().flags(READ_FLAGS).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    Ok(File::from(openat2(AT_FDCWD, path, how)?))
}

fn only_root(path: &Path, what: &str) -> Error {
    Error::new(format!(
        "{} {what}, and only root may read it; name the file itself, or give it to the daemon's \
         user",
        path.display()
    ))
}
