//! A copy of the database that can take its place.
//!
//! It is made of slices of rows, like everything that readers do. LMDB's own
//! copy is one transaction from the first page to the last: on a slow disk, or
//! stopped in the middle, it would keep the daemon from using pages again. The
//! price is that the rows are not all of one moment, which harms none, since
//! each stands for itself. The copy has no free pages.

use super::create::{finish, unfinished};
use super::errors::{explain_write, of_system};
use super::open::HEADROOM;
use super::{META, Reader, Table};
use crate::state::Error;
use lmdb::{DatabaseFlags, Environment, EnvironmentFlags, Transaction as _, WriteFlags};
use std::fs;
use std::io;
use std::path::Path;

/// Copies to a file, which is replaced if it exists, once all is on disk. Calls
/// `advance` with the number of each few rows, and `prepare` with the path of
/// the file before it gets its name.
///
/// # Errors
/// When the database cannot be read or the file cannot be written.
pub fn copy(
    reader: &Reader,
    target: &Path,
    mut advance: impl FnMut(usize),
    prepare: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), Error> {
    let explain = |error: io::Error| explain_write(target, of_system(&error));
    let path = unfinished(target);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(explain(error)),
        _ => {}
    }
    let result = write(reader, &path, target, &mut advance)
        .and_then(|()| prepare(&path).and_then(|()| finish(&path, target)).map_err(explain));
    if result.is_err() {
        let _ = fs::remove_file(&path);
    }
    result
}

fn write(
    reader: &Reader,
    path: &Path,
    target: &Path,
    advance: &mut impl FnMut(usize),
) -> Result<(), Error> {
    let explain = |error| explain_write(target, error);
    let environment = Environment::new()
        // Nobody else knows the file, and one sync at the end is enough.
        .set_flags(
            EnvironmentFlags::NO_SUB_DIR | EnvironmentFlags::NO_LOCK | EnvironmentFlags::NO_SYNC,
        )
        .set_max_dbs(3)
        .set_map_size(2 * (reader.size()?.bytes + HEADROOM))
        .open_with_permissions(path, 0o600)
        .map_err(explain)?;
    for table in [META, Table::Triplets.name(), Table::Clients.name()] {
        let flags = DatabaseFlags::empty();
        let database = environment.create_db(Some(table), flags).map_err(explain)?;
        let mut last = None;
        loop {
            let rows = reader.slice(table, b"", last.as_deref())?;
            let append = || {
                let mut writer = environment.begin_rw_txn()?;
                for (key, row) in &rows {
                    writer.put(database, key, row, WriteFlags::APPEND)?;
                }
                writer.commit()
            };
            append().map_err(explain)?;
            advance(rows.len());
            match rows.into_iter().last() {
                Some((key, _)) => last = Some(key),
                None => break,
            }
        }
    }
    environment.sync(true).map_err(explain)
}
