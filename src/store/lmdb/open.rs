//! Opening the file, and what can be wrong with it.

use super::free_pages::free_pages;
use crate::store::Error;
use lmdb::{Database, Environment, EnvironmentFlags, Transaction as _, WriteFlags};
use std::fs::{self, File};
use std::path::Path;

/// The layout of the file that this program reads and writes.
const FORMAT: &[u8] = b"1";

/// LMDB maps what its first pages promise; reading past the end of a file that
/// was cut off would kill the process by a signal.
pub fn refuse_truncated(path: &Path) -> Result<(), Error> {
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(());
    };
    let length = metadata.len();
    let environment = Environment::new()
        .set_flags(
            EnvironmentFlags::NO_SUB_DIR | EnvironmentFlags::READ_ONLY | EnvironmentFlags::NO_LOCK,
        )
        .open(path)
        .map_err(|error| explain_open(path, error))?;
    let explain = |error| explain_open(path, error);
    let pages = environment.info().map_err(explain)?.last_pgno() + 1;
    let page_size = environment.stat().map_err(explain)?.page_size() as usize;
    let promised = pages as u64 * page_size as u64;
    if length < promised && !are_unused(path, page_size, length, pages) {
        return Err(Error::new(format!(
            "{} is cut off: it should have {promised} bytes and has {length}; {START_AFRESH}",
            path.display()
        )));
    }
    Ok(())
}

/// Whether nothing is kept on the pages that a file does not have, up to but
/// not including page `end`.
fn are_unused(path: &Path, page_size: usize, length: u64, end: usize) -> bool {
    let whole = usize::try_from(length).unwrap_or(usize::MAX) / page_size;
    let free = File::open(path).and_then(|file| free_pages(&file, page_size));
    free.is_ok_and(|free| (whole..end).all(|page| free.contains(&page)))
}

pub fn check_format(environment: &Environment, meta: Database, path: &Path) -> Result<(), Error> {
    let explain = |error| explain_open(path, error);
    let transaction = environment.begin_ro_txn().map_err(explain)?;
    match transaction.get(meta, b"format") {
        Ok(FORMAT) | Err(lmdb::Error::NotFound) => Ok(()),
        Ok(other) => Err(Error::new(format!(
            "{} has format {}, which this version does not know: a newer postgrey wrote it; \
             start that one, or {START_AFRESH}",
            path.display(),
            other.escape_ascii()
        ))),
        Err(error) => Err(explain(error)),
    }
}

pub fn note_meta(environment: &Environment, meta: Database, keys: &str) -> Result<(), lmdb::Error> {
    let mut writer = environment.begin_rw_txn()?;
    writer.put(meta, b"format", &FORMAT, WriteFlags::empty())?;
    writer.put(meta, b"keys", &keys, WriteFlags::empty())?;
    writer.commit()
}

const START_AFRESH: &str =
    "to start with an empty database, move this file and its -lock file away";

pub fn explain_open(path: &Path, error: lmdb::Error) -> Error {
    let path = path.display();
    Error::new(match error {
        lmdb::Error::Invalid | lmdb::Error::VersionMismatch | lmdb::Error::Corrupted => {
            format!("{path} is not a database of this program, or is damaged; {START_AFRESH}")
        }
        error => format!("can't open database {path}: {}", describe(error)),
    })
}

pub fn explain_read(path: &Path, error: lmdb::Error) -> Error {
    Error::new(format!("can't read database {}: {}", path.display(), describe(error)))
}

pub fn explain_write(path: &Path, error: lmdb::Error) -> Error {
    Error::new(format!("can't write database {}: {}", path.display(), describe(error)))
}

fn describe(error: lmdb::Error) -> String {
    match error {
        lmdb::Error::Other(code) => nix::errno::Errno::from_raw(code).desc().to_string(),
        error => error.to_string(),
    }
}
