//! The expiry scan through both tables.
//!
//! It runs in slices of at most [`SLICE`]. The deletions of expired records wait in the
//! buffer as refreshed records do: if they are lost, the next pass finds the records
//! again. A sweep writes them to LMDB when there are many or the pass is complete; the
//! scan continues when it has ended. A pass begins with a sweep as well, because it reads
//! LMDB alone.

use super::File;
use super::buffer::{Buffer, Change};
use super::rows::{rows_from, whole};
use crate::state::maintenance::{Age, corrected};
use crate::state::{ExpiryPass, ExpirySlice, Lifetimes, Table, TableExpiry};
use lmdb::{RoTransaction, Transaction as _};
use std::mem;
use std::time::{Duration, Instant};

/// The longest slice. In the tests of this directory it ends with the records, not by
/// the clock, because a busy machine would make them unreliable.
const SLICE: Duration = Duration::from_millis(if cfg!(test) { 60_000 } else { 1 });

/// Records between two readings of the clock: about as many as one page holds,
/// because a page that is not in memory takes the time.
const ROWS_PER_CLOCK_CHECK: usize = 32;

/// Expired records for which a sweep starts.
const MAX_EXPIRED: usize = 256;

/// The progress of a pass.
#[derive(Debug, Default)]
pub struct ExpiryScan {
    /// True once a pass has begun.
    has_begun: bool,
    /// The number of tables that are done.
    tables: usize,
    /// The last key of this table that was read.
    last: Option<Vec<u8>>,
    pass: ExpiryPass,
    /// Records found since the last sweep that are deleted or corrected.
    found: usize,
    /// The number of the sweep for which the scan waits.
    sweep: u64,
}

/// The records that a slice reads.
pub struct Surroundings<'a> {
    pub file: &'a File,
    pub buffer: &'a mut Buffer,
    pub lifetimes: &'a Lifetimes,
    /// Seconds since the epoch.
    pub now: i64,
}

impl ExpiryScan {
    /// Reads the next records. The cost of deleting them is not known here.
    pub fn look(&mut self, mut around: Surroundings<'_>) -> Result<ExpirySlice, lmdb::Error> {
        let deadline = Instant::now() + SLICE;
        let reader = around.file.environment.begin_ro_txn()?;
        let mut rows = 0;
        while let Some(table) = Table::ALL.get(self.tables).filter(|_| !self.is_full()) {
            let is_done = !around.lifetimes.concern(*table)
                || self.look_at(*table, &reader, &mut around, deadline, &mut rows)?;
            if !is_done {
                break;
            }
            self.tables += 1;
            self.last = None;
        }
        let mut of = 0;
        for table in Table::ALL.into_iter().filter(|table| around.lifetimes.concern(*table)) {
            of += reader.stat(around.file.tables.database(table))?.entries();
        }
        Ok(ExpirySlice { rows, of, is_full: self.is_full(), ..ExpirySlice::default() })
    }

    /// Reads records of one table; returns true at the end of the table.
    fn look_at(
        &mut self,
        table: Table,
        reader: &RoTransaction<'_>,
        around: &mut Surroundings<'_>,
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
            let record = match age {
                Age::Over => Some(None),
                _ => corrected(table, text, around.now).map(Some),
            };
            // A record whose refresh waits for the disk has not expired.
            if let Some(record) = record.filter(|_| around.buffer.get(table, whole_key).is_none()) {
                around.buffer.put_loose(table, whole_key, Change { record, was_there: true });
                self.found += 1;
                self.pass.corrected += u64::from(record.is_some());
                self.tally(table).deleted += u64::from(record.is_none());
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
        self.found >= MAX_EXPIRED
    }

    fn is_at_end(&self) -> bool {
        self.tables == Table::ALL.len()
    }

    /// Returns true if the records that were found should be swept.
    pub fn wants_sweep(&self) -> bool {
        self.is_full() || self.is_at_end() && self.found > 0
    }

    /// Begins a pass; returns false if one has begun.
    pub fn begin(&mut self) -> bool {
        !mem::replace(&mut self.has_begun, true)
    }

    /// Notes the number of the sweep that writes the records that wait.
    pub fn note_sweep(&mut self, sweep: u64) {
        self.sweep = sweep;
        self.found = 0;
    }

    /// The number of the sweep for which the scan waits.
    pub fn sweep(&self) -> u64 {
        self.sweep
    }

    /// The result of a complete pass whose records are swept; the next one starts then.
    pub fn take_pass(&mut self) -> Option<ExpiryPass> {
        let sweep = self.sweep;
        self.is_at_end()
            .then(|| mem::replace(self, ExpiryScan { sweep, ..ExpiryScan::default() }).pass)
    }
}
