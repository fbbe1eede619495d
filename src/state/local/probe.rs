//! A write that is taken back, for the process that checks the file before a daemon
//! opens it: damage that would end the daemon ends that process.

use super::errors::{explain_damage, explain_write};
use super::free_pages::free_list;
use super::{Looked, Store, Table, head, open_file, structure};
use crate::state::Error;
use lmdb::{Transaction as _, WriteFlags};
use std::fs;
use std::time::{Duration, Instant};

/// Bytes of the largest file of which all pages are always checked, which takes about a
/// tenth of a second: mail waits for the start.
const MAX_CHECKED: u64 = 64 << 20;

/// The time limit of the check of all pages, which may be read from a slow disk in any
/// order.
const CHECK_LIMIT: Duration = Duration::from_secs(20);

impl Store {
    /// Checks the pages of the file, of a large one only those that are free unless
    /// `is_whole`. If that takes too long, only those that are free are checked, too.
    /// Then writes to each table in a transaction that is aborted.
    ///
    /// # Errors
    /// When the file is damaged or cannot be written.
    pub fn probe(&self, is_whole: bool) -> Result<(), Error> {
        let file = open_file(&self.file, &self.failure)?;
        let look = || {
            let file = fs::File::open(&self.path)?;
            let page_size = head::page_size(&file)?;
            if is_whole || file.metadata()?.len() <= MAX_CHECKED {
                let deadline = Instant::now() + CHECK_LIMIT;
                if structure::look(&file, page_size, Some(deadline))? == Looked::AtAll {
                    return Ok(());
                }
            }
            free_list(&file, page_size).map(|_| ())
        };
        look().map_err(|error| explain_damage(&self.path, &error.to_string()))?;
        let write = || {
            let mut writer = file.environment.begin_rw_txn()?;
            let databases = Table::ALL.map(|table| file.tables.database(table));
            for database in databases.into_iter().chain([file.meta]) {
                writer.put(database, b"probe", b"", WriteFlags::empty())?;
            }
            writer.abort();
            Ok(())
        };
        write().map_err(|error| explain_write(&self.path, error))
    }
}
