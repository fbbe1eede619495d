//! The walk through both tables that finds and deletes what is too old.
//!
//! It goes on in looks of at most [`SLICE`] and never in a hurry. What it finds
//! is deleted with the next commit that happens anyway, or by itself when much
//! has gathered or the walk is at its end.

use super::rows::{rows_from, whole};
use super::{File, Tables};
use crate::state::local::write_behind::WriteBehind;
use crate::state::maintenance::Age;
use crate::state::{ExpiryPass, ExpirySlice, Lifetimes, Table, Tally};
use lmdb::{RoTransaction, RwTransaction, Transaction as _};
use std::mem;
use std::time::{Duration, Instant};

/// How long one look may take. In the tests of this room the rows end it and
/// never the clock, which a busy machine makes unsure.
const SLICE: Duration = Duration::from_millis(if cfg!(test) { 60_000 } else { 1 });

/// How many rows are looked at between two looks at the clock: about as many as
/// one page holds, since what takes time is a page that is not in memory.
const ROWS_PER_CLOCK_CHECK: usize = 32;

/// How many rows one commit deletes, which takes about a millisecond.
const MAX_DELETED: usize = 256;

/// How long they wait for another commit that takes them along.
const COMMIT_DELAY: Duration = Duration::from_millis(20);

/// How far the walk is.
#[derive(Debug, Default)]
pub struct ExpiryScan {
    /// How many tables it has left behind.
    tables: usize,
    /// The key that it looked at last in this table.
    last: Option<Vec<u8>>,
    pass: ExpiryPass,
    old: Vec<OldRow>,
    /// When the old rows are to be deleted, if they do not wait for company.
    due: Option<Instant>,
    /// How long the last commit took that deleted any.
    cost: Duration,
}

/// A row that is to be deleted, if it is still the same by then.
#[derive(Debug)]
struct OldRow {
    table: Table,
    key: Vec<u8>,
    row: Vec<u8>,
}

/// What a look needs to know.
pub struct Surroundings<'a> {
    pub file: &'a File,
    pub waiting: &'a WriteBehind,
    pub lifetimes: &'a Lifetimes,
    /// Seconds since the epoch.
    pub now: i64,
}

impl ExpiryScan {
    /// Looks at the next rows.
    pub fn look(&mut self, around: &Surroundings<'_>) -> Result<ExpirySlice, lmdb::Error> {
        let deadline = Instant::now() + SLICE;
        let reader = around.file.environment.begin_ro_txn()?;
        let mut rows = 0;
        while let Some(table) = Table::ALL.get(self.tables).filter(|_| !self.is_full()) {
            let is_done = !around.lifetimes.concern(*table)
                || self.look_at(*table, &reader, around, deadline, &mut rows)?;
            if !is_done {
                break;
            }
            self.tables += 1;
            self.last = None;
        }
        if self.has_old_rows() && (self.is_full() || self.is_at_end()) {
            self.due.get_or_insert(Instant::now() + COMMIT_DELAY);
        }
        let mut of = 0;
        for table in Table::ALL.into_iter().filter(|table| around.lifetimes.concern(*table)) {
            of += reader.stat(around.file.tables.database(table))?.entries();
        }
        Ok(ExpirySlice { rows, of, is_full: self.is_full(), cost: self.cost })
    }

    /// Looks at rows of one table; whether it came to the table's end.
    fn look_at(
        &mut self,
        table: Table,
        reader: &RoTransaction<'_>,
        around: &Surroundings<'_>,
        deadline: Instant,
        rows: &mut usize,
    ) -> Result<bool, lmdb::Error> {
        let mut cursor = reader.open_ro_cursor(around.file.tables.database(table))?;
        let last = self.last.clone();
        for item in rows_from(&mut cursor, last.as_deref())? {
            let (key, row) = item?;
            if Some(key) == last.as_deref() {
                continue;
            }
            *rows += 1;
            self.tally(table).before += 1;
            let (whole_key, text) = whole(key, row);
            match around.lifetimes.age(table, text, around.now) {
                Age::Waiting => self.pass.waiting += 1,
                // A row whose refresh waits for the disk is as young as that.
                Age::Over if around.waiting.get(table, whole_key).is_none() => {
                    self.old.push(OldRow { table, key: key.to_vec(), row: row.to_vec() });
                }
                Age::Over | Age::Passed => {}
            }
            if self.is_full() || *rows % ROWS_PER_CLOCK_CHECK == 0 && Instant::now() >= deadline {
                self.last = Some(key.to_vec());
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn tally(&mut self, table: Table) -> &mut Tally {
        match table {
            Table::Triplets => &mut self.pass.triplets,
            Table::Clients => &mut self.pass.clients,
        }
    }

    fn is_full(&self) -> bool {
        self.old.len() >= MAX_DELETED
    }

    fn is_at_end(&self) -> bool {
        self.tables == Table::ALL.len()
    }

    /// Deletes what is still as old as it was when it was looked at, unless
    /// something newer is about to be written.
    pub fn delete(
        &self,
        writer: &mut RwTransaction<'_>,
        tables: Tables,
        has_newer: impl Fn(Table, &[u8]) -> bool,
    ) -> Result<Vec<Table>, lmdb::Error> {
        let mut deleted = Vec::with_capacity(self.old.len());
        for OldRow { table, key, row } in &self.old {
            let database = tables.database(*table);
            match writer.get(database, key) {
                Ok(now) if now == row && !has_newer(*table, whole(key, row).0) => {
                    writer.del(database, key, None)?;
                    deleted.push(*table);
                }
                Ok(_) | Err(lmdb::Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(deleted)
    }

    /// Notes what was deleted, now that it is on disk, and how long that took.
    pub fn note(&mut self, deleted: &[Table], took: Duration) {
        if !deleted.is_empty() {
            self.cost = took;
        }
        for table in deleted {
            self.tally(*table).deleted += 1;
        }
        self.forget();
    }

    /// Leaves the old rows where they are; the next lap finds them again.
    pub fn forget(&mut self) {
        self.old.clear();
        self.due = None;
    }

    /// When the old rows are to be deleted even if nothing else is written.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether rows wait to be deleted.
    pub fn has_old_rows(&self) -> bool {
        !self.old.is_empty()
    }

    /// What the walk came to when it is at its end; it begins again then.
    pub fn take_pass(&mut self) -> Option<ExpiryPass> {
        if !self.is_at_end() || self.has_old_rows() {
            return None;
        }
        Some(mem::take(self).pass)
    }
}
