//! The database as other processes read it, beside the daemon or without it.
//!
//! A transaction lasts for one slice of rows, which are copied before anybody
//! looks at them: a reader that is stopped, or writes to a pager that takes
//! nothing, keeps no pages from being used again.

use super::open::{explain_open, explain_read, refuse_truncated};
use super::rows::whole;
use super::{FILE_NAME, Table};
use crate::store::Error;
use lmdb::{Cursor as _, Database, Environment, EnvironmentFlags, Transaction as _};
use std::path::{Path, PathBuf};

/// Rows that are copied in one transaction.
const SLICE: usize = 1000;

/// A database that is only read.
pub struct Reader {
    environment: Environment,
    path: PathBuf,
}

/// Rows of one slice: key as the file has it, and value.
type Rows = Vec<(Vec<u8>, Vec<u8>)>;

impl Reader {
    /// Opens the database in a directory.
    ///
    /// # Errors
    /// When there is none, or it is damaged or another program's; the text
    /// names the file and what to do.
    pub fn open(directory: &Path) -> Result<Reader, Error> {
        let path = directory.join(FILE_NAME);
        refuse_truncated(&path)?;
        let environment = Environment::new()
            .set_flags(
                EnvironmentFlags::NO_SUB_DIR
                    | EnvironmentFlags::READ_ONLY
                    | EnvironmentFlags::NO_TLS,
            )
            .set_max_dbs(3)
            .open(&path)
            .map_err(|error| explain_open(&path, error))?;
        Ok(Reader { environment, path })
    }

    /// Calls `row` with each key and its value, in key order, until it fails.
    ///
    /// # Errors
    /// Those of `row`, and when the database cannot be read.
    pub fn for_each<E: From<Error>>(
        &self,
        table: Table,
        mut row: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut last = Vec::new();
        loop {
            let rows = self.slice(table, &last).map_err(|e| explain_read(&self.path, e))?;
            for (key, value) in &rows {
                let (key, value) = whole(key, value);
                row(key, value)?;
            }
            match rows.into_iter().last() {
                Some((key, _)) => last = key,
                None => return Ok(()),
            }
        }
    }

    /// The rows behind a key.
    fn slice(&self, table: Table, last: &[u8]) -> Result<Rows, lmdb::Error> {
        let database = match self.environment.open_db(Some(table.name())) {
            Err(lmdb::Error::NotFound) => return Ok(Rows::new()),
            database => database?,
        };
        match self.read(database, last) {
            Err(lmdb::Error::MapResized) => {
                self.environment.set_map_size(0)?;
                self.read(database, last)
            }
            rows => rows,
        }
    }

    fn read(&self, database: Database, last: &[u8]) -> Result<Rows, lmdb::Error> {
        let transaction = self.environment.begin_ro_txn()?;
        let mut cursor = transaction.open_ro_cursor(database)?;
        let rows = if last.is_empty() { cursor.iter_start() } else { cursor.iter_from(last) };
        rows.filter(|row| row.is_err() || row.is_ok_and(|(key, _)| key != last))
            .take(SLICE)
            .map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())))
            .collect()
    }
}
