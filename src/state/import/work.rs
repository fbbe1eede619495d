//! A directory for unfinished files.

use crate::state::Error;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

const NAME: &str = "postgrey.mdb.import";

/// A directory for unfinished files in the database directory, deleted with the
/// value, or by the next import if this one is killed.
#[derive(Debug)]
pub struct WorkDirectory {
    path: PathBuf,
}

impl WorkDirectory {
    pub fn new(dbdir: &Path) -> Result<WorkDirectory, Error> {
        clear(dbdir)?;
        let path = dbdir.join(NAME);
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| Error::new(format!("can't make {}: {error}", path.display())))?;
        Ok(WorkDirectory { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkDirectory {
    fn drop(&mut self) {
        // The next import retries, and reports the error.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes the files of an interrupted import.
pub fn clear(dbdir: &Path) -> Result<(), Error> {
    let path = dbdir.join(NAME);
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Error::new(format!("can't remove {}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}
