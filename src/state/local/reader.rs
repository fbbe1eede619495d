//! The database as other processes read it, beside the daemon or without it.
//!
//! A transaction lasts for one slice of rows, which are copied before anybody
//! looks at them: a reader that is stopped, or writes to a pager that takes
//! nothing, keeps no pages from being used again.

use super::errors::{explain_damage, explain_open, explain_read};
use super::open::refuse_truncated;
use super::rows::{rows_from, stored_key, whole};
use super::structure::{self, Looked};
use super::{FILE_NAME, META, Table};
use crate::state::{Error, Metadata};
use lmdb::{Database, Environment, EnvironmentFlags, Transaction as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Rows that are copied in one transaction.
const SLICE: usize = 1000;

/// A database that is only read.
pub struct Reader {
    environment: Environment,
    path: PathBuf,
}

/// How large a database is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// All of its pages.
    pub bytes: usize,
    /// Those among them that hold nothing and will be used again.
    pub free: usize,
}

/// Rows of one slice: key as the file has it, and value.
pub(super) type Rows = Vec<(Vec<u8>, Vec<u8>)>;

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

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the daemon noted of itself.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn notes(&self) -> Result<Metadata, Error> {
        let note = |name: &str| {
            let value = self.value(META, name.as_bytes())?;
            Ok(String::from_utf8_lossy(&value.unwrap_or_default()).into_owned())
        };
        Ok(Metadata { keys: note("keys")?, rules: note("rules")? })
    }

    /// The text of a key's row.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let stored = stored_key(key);
        let row = self.value(table.name(), &stored)?;
        Ok(row.map(|row| whole(&stored, &row).1.to_vec()))
    }

    /// How large the database is, and of what.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn size(&self) -> Result<Size, Error> {
        self.retrying(|| {
            let info = self.environment.info()?;
            let page = self.environment.stat()?.page_size() as usize;
            let pages = info.last_pgno() + 1;
            let free = self.environment.freelist()?;
            Ok(Size { bytes: pages * page, free: free * page })
        })
    }

    /// Looks at every page of the file; see [`structure::look`].
    ///
    /// # Errors
    /// When a page is damaged or cannot be read; the text names it.
    pub fn look_at_pages(&self) -> Result<Looked, Error> {
        let page_size = self.retrying(|| self.environment.stat())?.page_size() as usize;
        let file = std::fs::File::open(&self.path);
        let result = file.and_then(|file| structure::look(&file, page_size));
        result.map_err(|error| explain_damage(&self.path, &error.to_string()))
    }

    /// How many rows a table has.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn count(&self, table: Table) -> Result<usize, Error> {
        self.retrying(|| match self.database(table.name())? {
            None => Ok(0),
            Some(database) => Ok(self.environment.begin_ro_txn()?.stat(database)?.entries()),
        })
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
        self.walk(table, b"", |key, value| row(key, value).map(|()| ControlFlow::Continue(())))
    }

    /// The same for the keys with a certain beginning, until `row` has enough.
    ///
    /// # Errors
    /// Those of `row`, and when the database cannot be read.
    pub fn walk<E: From<Error>>(
        &self,
        table: Table,
        beginning: &[u8],
        mut row: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let mut last = None;
        loop {
            let rows = self.slice(table.name(), beginning, last.as_deref())?;
            for (key, value) in &rows {
                if !key.starts_with(beginning) {
                    return Ok(());
                }
                let (key, value) = whole(key, value);
                if row(key, value)?.is_break() {
                    return Ok(());
                }
            }
            match rows.into_iter().last() {
                Some((key, _)) => last = Some(key),
                None => return Ok(()),
            }
        }
    }

    /// The next rows as the file has them: those behind a key, or else those
    /// from a beginning on.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn slice(
        &self,
        table: &str,
        beginning: &[u8],
        last: Option<&[u8]>,
    ) -> Result<Rows, Error> {
        self.retrying(|| {
            let Some(database) = self.database(table)? else {
                return Ok(Rows::new());
            };
            let transaction = self.environment.begin_ro_txn()?;
            let mut cursor = transaction.open_ro_cursor(database)?;
            let from = last.unwrap_or(beginning);
            let mut rows = Rows::new();
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
                rows.push((key.to_vec(), value.to_vec()));
                if rows.len() == SLICE {
                    break;
                }
            }
            Ok(rows)
        })
    }

    /// A value as the file has it.
    fn value(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
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
    fn database(&self, name: &str) -> Result<Option<Database>, lmdb::Error> {
        match self.environment.open_db(Some(name)) {
            Ok(database) => Ok(Some(database)),
            Err(lmdb::Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads; once more if the daemon has made the file larger meanwhile.
    fn retrying<T>(&self, read: impl Fn() -> Result<T, lmdb::Error>) -> Result<T, Error> {
        let result = match read() {
            Err(lmdb::Error::MapResized) => self.environment.set_map_size(0).and_then(|()| read()),
            result => result,
        };
        result.map_err(|error| explain_read(&self.path, error))
    }
}
