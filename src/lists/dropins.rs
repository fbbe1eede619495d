//! Drop-ins: the files `FILE.d/*.conf` are read as if they stood at the end of
//! `FILE`, so that a package or a tool can add and remove rules without editing
//! it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(super) fn directory(list: &Path) -> PathBuf {
    let mut name = list.as_os_str().to_owned();
    name.push(".d");
    name.into()
}

/// Returns the drop-ins of a list, in the order of their names. `None` if the
/// directory of the list cannot be read, which is reported for the list.
pub(super) fn files(list: &Path) -> io::Result<Option<Vec<PathBuf>>> {
    let directory = directory(list);
    // A dangling link is an error.
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

/// Returns true if a name in such a directory is that of a list: editors and dpkg
/// leave other files there.
fn is_read(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.ends_with(b".conf") && !name.starts_with(b".")
}

/// Returns true if a path is that of a drop-in of the list.
pub(super) fn is_dropin(list: &Path, path: &Path) -> bool {
    path.parent() == Some(&directory(list)) && path.file_name().is_some_and(is_read)
}
