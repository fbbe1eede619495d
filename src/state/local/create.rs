//! Creates a new database, as a whole or not at all.
//!
//! LMDB writes a new file's first pages without order, so that a power failure
//! at that moment could leave a file that cannot be opened. A new database is
//! therefore made under another name, and gets its own when it is on disk.

use super::META;
use super::errors::{explain_open, of_system};
use crate::state::Error;
use lmdb::{DatabaseFlags, Environment, EnvironmentFlags};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Makes an empty database at a path unless there is one. An empty file is
/// none.
///
/// # Errors
/// When the directory or the disk does not take it.
pub fn create_if_missing(path: &Path) -> Result<(), Error> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0) {
        return Ok(());
    }
    let unfinished = unfinished(path);
    let explain = |error: io::Error| explain_open(path, of_system(&error));
    // Remains of a start that was interrupted.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(explain(error)),
        _ => {}
    }
    make(&unfinished).map_err(|error| explain_open(path, error))?;
    finish(&unfinished, path).map_err(explain)
}

/// Gives a file that is on disk its own name.
pub fn finish(unfinished: &Path, path: &Path) -> io::Result<()> {
    fs::rename(unfinished, path)?;
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

/// The name of a file that is not yet what it will be.
pub fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Makes the tables; when it returns, the file is on disk.
fn make(path: &Path) -> Result<(), lmdb::Error> {
    // No other process knows this name, so no lock file is needed.
    let environment = Environment::new()
        .set_flags(EnvironmentFlags::NO_SUB_DIR | EnvironmentFlags::NO_LOCK)
        .set_max_dbs(1)
        .open_with_permissions(path, 0o600)?;
    environment.create_db(Some(META), DatabaseFlags::empty())?;
    Ok(())
}
