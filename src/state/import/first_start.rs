//! The first start in a directory with the original's files.

use super::original;
use super::work::{self, WorkDirectory};
use super::{Import, ImportReport, Watch};
use crate::greylist::Policy;
use crate::state::local::{FILE_NAME, Store, finish};
use crate::state::{Backend as _, Error, Metadata};
use std::fs;
use std::path::Path;

/// Opens the database in a directory. If there is none, but one of the original,
/// its entries are imported first: the new database appears with all of them or
/// not at all. The original's files are not changed.
///
/// # Errors
/// Those of [`Store::open`]. A damaged database of the original is not an error:
/// what is readable is imported, and the report lists the rest.
pub fn open_or_import<'w>(
    dbdir: &Path,
    notes: &Metadata,
    policy: &'w Policy,
    watch: &'w mut Watch<'w>,
) -> Result<(Store, Option<ImportReport>), Error> {
    let report = if is_first_start(dbdir) {
        Some(import(dbdir, notes, policy, watch)?)
    } else {
        work::clear(dbdir)?;
        None
    };
    Ok((Store::open(dbdir, notes.clone())?, report))
}

fn is_first_start(dbdir: &Path) -> bool {
    let has_content = |metadata: fs::Metadata| metadata.len() > 0;
    !fs::metadata(dbdir.join(FILE_NAME)).is_ok_and(has_content)
        && fs::symlink_metadata(dbdir.join(super::TRIPLETS)).is_ok()
}

fn import<'w>(
    dbdir: &Path,
    notes: &Metadata,
    policy: &'w Policy,
    watch: &'w mut Watch<'w>,
) -> Result<ImportReport, Error> {
    let work = WorkDirectory::new(dbdir)?;
    let mut store = Store::open(work.path(), notes.clone())?;
    let mut import = Import::new(&mut store, policy, watch, dbdir.display().to_string());
    original::read(dbdir, &work, &mut import);
    let report = import.finish()?;
    store.flush()?;
    // Closed before it moves: LMDB must not meet the same file twice.
    drop(store);
    let path = dbdir.join(FILE_NAME);
    finish(&work.path().join(FILE_NAME), &path)
        .map_err(|error| Error::new(format!("can't make {}: {error}", path.display())))?;
    Ok(report)
}
