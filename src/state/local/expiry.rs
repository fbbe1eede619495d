//! The expiry scan through both tables.
//!
//! It runs in slices of at most [`SLICE`]. The expired records that it finds are
//! deleted with the next commit that happens anyway, or by themselves when there are
//! many or the pass is complete.

use super::rows::{put, rows_from, whole};
use super::{File, Tables};
use crate::state::local::buffer::Buffer;
use crate::state::maintenance::{Age, corrected};
use crate::state::{ExpiryPass, ExpirySlice, Lifetimes, Table, TableExpiry};
use lmdb::{RoTransaction, RwTransaction, Transaction as _};
use std::mem;
use std::time::{Duration, Instant};

/// The longest slice. In the tests of this directory it ends with the records, not by
/// the clock, because a busy machine would make them unreliable.
const SLICE: Duration = Duration::from_millis(if cfg!(test) { 60_000 } else { 1 });

/// Records between two readings of the clock: about as many as one page holds,
/// because a page that is not in memory takes the time.
const ROWS_PER_CLOCK_CHECK: usize = 32;

/// Records that one commit deletes, which takes about a millisecond.
const MAX_DELETED: usize = 256;

/// The time that they wait for another commit.
const COMMIT_DELAY: Duration = Duration::from_millis(20);

/// The progress of a pass.
#[derive(Debug, Default)]
pub struct ExpiryScan {
    /// The number of tables that are done.
    tables: usize,
    /// The last key of this table that was read.
    last: Option<Vec<u8>>,
    pass: ExpiryPass,
    old: Vec<OldRow>,
    /// When the expired records are deleted without another commit.
    due: Option<Instant>,
    /// The duration of the last commit that deleted any.
    cost: Duration,
}

/// An expired record, which is deleted if it is still the same; or one of the future,
/// which is replaced.
#[derive(Debug)]
struct OldRow {
    table: Table,
    key: Vec<u8>,
    row: Vec<u8>,
    replacement: Option<String>,
}

/// The records that a slice reads.
pub struct Surroundings<'a> {
    pub file: &'a File,
    pub waiting: &'a Buffer,
    pub lifetimes: &'a Lifetimes,
    /// Seconds since the epoch.
    pub now: i64,
}

impl ExpiryScan {
    /// Reads the next records.
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

    /// Reads records of one table; returns true at the end of the table.
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
            let age = around.lifetimes.age(table, text, around.now);
            if let Age::Waiting(seconds) = age {
                self.pass.waiting += 1;
                self.pass.oldest_waiting = self.pass.oldest_waiting.max(Some(seconds));
            }
            let corrected = corrected(table, text, around.now);
            self.pass.corrected += u64::from(corrected.is_some());
            // A record whose refresh waits for the disk has not expired.
            if (age == Age::Over || corrected.is_some())
                && around.waiting.get(table, whole_key).is_none()
            {
                let replacement = corrected.filter(|_| age != Age::Over);
                let (key, row) = (key.to_vec(), row.to_vec());
                self.old.push(OldRow { table, key, row, replacement });
            }
            if self.is_full() || *rows % ROWS_PER_CLOCK_CHECK == 0 && Instant::now() >= deadline {
                self.last = Some(key.to_vec());
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn tally(&mut self, table: Table) -> &mut TableExpiry {
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

    /// Deletes or replaces what is still as old as it was when it was looked at, unless
    /// something newer is about to be written.
    pub fn delete(
        &self,
        writer: &mut RwTransaction<'_>,
        tables: Tables,
        has_newer: impl Fn(Table, &[u8]) -> bool,
    ) -> Result<Vec<Table>, lmdb::Error> {
        let mut deleted = Vec::with_capacity(self.old.len());
        for OldRow { table, key, row, replacement } in &self.old {
            let database = tables.database(*table);
            match writer.get(database, key) {
                Ok(now) if now == row && !has_newer(*table, whole(key, row).0) => {
                    if let Some(replacement) = replacement {
                        put(writer, database, whole(key, row).0, replacement)?;
                        continue;
                    }
                    writer.del(database, key, None)?;
                    deleted.push(*table);
                }
                Ok(_) | Err(lmdb::Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(deleted)
    }

    /// Notes the committed deletions, and the duration of the commit.
    pub fn note(&mut self, deleted: &[Table], took: Duration) {
        if !deleted.is_empty() {
            self.cost = took;
        }
        for table in deleted {
            self.tally(*table).deleted += 1;
        }
        self.forget();
    }

    /// Drops the expired records after a failed commit; the next pass finds them again.
    pub fn forget(&mut self) {
        self.old.clear();
        self.due = None;
    }

    /// When the expired records are deleted even if nothing else is written.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Returns true if expired records wait to be deleted.
    pub fn has_old_rows(&self) -> bool {
        !self.old.is_empty()
    }

    /// The result of a complete pass; the next one starts then.
    pub fn take_pass(&mut self) -> Option<ExpiryPass> {
        if !self.is_at_end() || self.has_old_rows() {
            return None;
        }
        Some(mem::take(self).pass)
    }
}
