//! Reading an open file for tools. A transaction lasts for one slice of rows,
//! which are copied before anything looks at them: a tool that is stopped keeps
//! no pages from being used again.

use super::META;
use super::errors::explain_read;
use super::rows::{rows_from, stored_key, whole};
use crate::greylist::FileSize;
use crate::state::{Error, Found, Metadata, Query, Slice, Table, Totals};
use lmdb::{Database, Environment, Transaction as _};
use std::path::Path;

/// Rows of a slice: mail waits while the daemon reads one and its tool takes them.
const MAX_ROWS: usize = 100;

/// Bytes from which a slice has no further rows.
const MAX_BYTES: usize = 64 << 10;

/// Rows as the file has them: key and value.
pub type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// An open file.
#[derive(Clone, Copy)]
pub struct Reading<'e> {
    pub environment: &'e Environment,
    pub path: &'e Path,
}

impl Reading<'_> {
    pub fn read(self, query: &Query) -> Result<Found, Error> {
        match query {
            Query::Metadata => self.metadata().map(Found::Metadata),
            Query::Totals => self.totals().map(Found::Totals),
            Query::Record(table, key) => self.record(*table, key).map(Found::Record),
            Query::Slice { table, prefix, position } => {
                self.slice(*table, prefix, position.as_deref()).map(Found::Slice)
            }
        }
    }

    pub fn metadata(self) -> Result<Metadata, Error> {
        let value = |name: &str| {
            let value = self.value(META, name.as_bytes())?;
            Ok(String::from_utf8_lossy(&value.unwrap_or_default()).into_owned())
        };
        Ok(Metadata { keys: value("keys")?, rules: value("rules")? })
    }

    pub fn totals(self) -> Result<Totals, Error> {
        self.retrying(|| {
            let info = self.environment.info()?;
            let page = self.environment.stat()?.page_size() as usize;
            let free = self.environment.freelist()?;
            let records = [self.count(Table::Triplets)?, self.count(Table::Clients)?];
            let bytes = (info.last_pgno().saturating_add(1)).saturating_mul(page);
            let free = free.saturating_mul(page);
            let file = FileSize { bytes: bytes as u64, free: free as u64 };
            Ok(Totals { records, file: Some(file) })
        })
    }

    fn record(self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let stored = stored_key(key);
        let row = self.value(table.name(), &stored)?;
        Ok(row.map(|row| whole(&stored, &row).1.to_vec()))
    }

    pub fn slice(
        self,
        table: Table,
        prefix: &[u8],
        position: Option<&[u8]>,
    ) -> Result<Slice, Error> {
        let rows = self.rows(table, prefix, position)?;
        let next = rows.last().map(|(key, _)| key.clone());
        let has_prefix = |key: &[u8]| key.starts_with(prefix);
        let next = next.filter(|key| has_prefix(key));
        let rows = rows.iter().filter(|(key, _)| has_prefix(key)).map(|(key, row)| {
            let (key, text) = whole(key, row);
            (key.to_vec(), text.to_vec())
        });
        Ok(Slice { rows: rows.collect(), next })
    }

    /// The next rows as the file has them: those after a key, or else those from
    /// a prefix on. None after the last one.
    pub fn rows(self, table: Table, prefix: &[u8], last: Option<&[u8]>) -> Result<Rows, Error> {
        self.retrying(|| {
            let Some(database) = self.database(table.name())? else {
                return Ok(Rows::new());
            };
            let transaction = self.environment.begin_ro_txn()?;
            let mut cursor = transaction.open_ro_cursor(database)?;
            let from = last.unwrap_or(prefix);
            let (mut rows, mut bytes) = (Rows::new(), 0);
            for row in rows_from(&mut cursor, (!from.is_empty()).then_some(from))? {
                let (key, value) = row?;
                let before = rows.last().map(|(key, _)| key.as_slice()).or(last);
                if rows.is_empty() && Some(key) == last {
                    continue;
                }
                // In a damaged file the walk could go round in circles.
                if before.is_some_and(|before| before >= key) {
                    return Err(lmdb::Error::Corrupted);
                }
                bytes += key.len() + value.len();
                rows.push((key.to_vec(), value.to_vec()));
                if rows.len() == MAX_ROWS || bytes >= MAX_BYTES || !key.starts_with(prefix) {
                    break;
                }
            }
            Ok(rows)
        })
    }

    fn count(self, table: Table) -> Result<u64, lmdb::Error> {
        match self.database(table.name())? {
            None => Ok(0),
            Some(database) => Ok(self.environment.begin_ro_txn()?.stat(database)?.entries() as u64),
        }
    }

    /// A value as the file has it.
    fn value(self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.retrying(|| {
            let Some(database) = self.database(table)? else {
                return Ok(None);
            };
            match self.environment.begin_ro_txn()?.get(database, &key) {
                Ok(value) => Ok(Some(value.to_vec())),
                Err(lmdb::Error::NotFound) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    /// A table; none in a database that has none yet.
    fn database(self, name: &str) -> Result<Option<Database>, lmdb::Error> {
        match self.environment.open_db(Some(name)) {
            Ok(database) => Ok(Some(database)),
            Err(lmdb::Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads; once more if a daemon has made the file larger meanwhile.
    fn retrying<T>(self, read: impl Fn() -> Result<T, lmdb::Error>) -> Result<T, Error> {
        let result = match read() {
            Err(lmdb::Error::MapResized) => self.environment.set_map_size(0).and_then(|()| read()),
            result => result,
        };
        result.map_err(|error| explain_read(self.path, error))
    }
}
