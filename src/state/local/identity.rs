//! The rows of LMDB about the journal: the identity that both have, and the last
//! generation of the journal whose records LMDB has. Version 2.0.0 leaves the row alone.

use super::errors::{explain_read, explain_write};
use super::open::File;
use crate::state::Error;
use lmdb::{Database, RwTransaction, Transaction as _, WriteFlags};
use std::path::Path;

/// The key of the row in the table of the metadata.
const KEY: &str = "journal";

/// Reads identity and generation, if there are any.
///
/// # Errors
/// When the database cannot be read.
pub fn read(file: &File, path: &Path) -> Result<Option<(u64, u64)>, Error> {
    let get = || {
        let reader = file.environment.begin_ro_txn()?;
        match reader.get(file.meta, &KEY) {
            Ok(row) => Ok(parse(row)),
            Err(lmdb::Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    };
    get().map_err(|error| explain_read(path, error))
}

fn parse(row: &[u8]) -> Option<(u64, u64)> {
    let (identity, generation) = std::str::from_utf8(row).ok()?.split_once(' ')?;
    Some((u64::from_str_radix(identity, 16).ok()?, generation.parse().ok()?))
}

/// Writes the identity of a database that has none, durably.
///
/// # Errors
/// When the database cannot be written.
pub fn create(file: &File, path: &Path, identity: u64, generation: u64) -> Result<(), Error> {
    let put = || {
        let mut writer = file.environment.begin_rw_txn()?;
        write(&mut writer, file.meta, identity, generation)?;
        writer.commit()?;
        file.witness.note_commit(&file.environment);
        file.environment.sync(true)
    };
    put().map_err(|error| explain_write(path, error))
}

/// Writes identity and generation in a transaction.
pub fn write(
    writer: &mut RwTransaction<'_>,
    meta: Database,
    identity: u64,
    generation: u64,
) -> Result<(), lmdb::Error> {
    let row = format!("{identity:016x} {generation}");
    writer.put(meta, &KEY, &row, WriteFlags::empty())
}
