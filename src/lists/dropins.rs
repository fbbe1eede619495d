//! The directory beside a list: what `FILE.d/*.conf` hold is read as if it stood
//! at the end of `FILE`, so that a package or a machine can add rules, and take
//! them away, without touching what somebody else wrote.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(super) fn directory(list: &Path) -> PathBuf {
    let mut name = list.as_os_str().to_owned();
    name.push(".d");
    name.into()
}

/// The files beside a list, in the order of their names' bytes. None if nobody
/// can know, since the list's own place cannot be looked into, which is told of
/// the list.
pub(super) fn files(list: &Path) -> io::Result<Option<Vec<PathBuf>>> {
    let directory = directory(list);
    // Of a link that leads nowhere something is to be told.
    if let Err(error) = directory.symlink_metadata() {
        let is_none =
            matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        return Ok(is_none.then(Vec::new));
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if is_read(&entry.file_name()) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(Some(files))
}

/// Whether a file of this name in such a directory is a list: editors and dpkg
/// leave others there.
fn is_read(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.ends_with(b".conf") && !name.starts_with(b".")
}

/// Whether a path is that of a file which is read for being beside a list.
pub(super) fn is_dropin(list: &Path, path: &Path) -> bool {
    path.parent() == Some(&directory(list)) && path.file_name().is_some_and(is_read)
}
