//! Records that wait for the disk.
//!
//! A repeated delivery of a known triplet only changes the time at which it was last
//! seen, and no later decision depends on that time being on disk. These records wait
//! here for about [`REFRESH_DELAY`] and are then written by a sweep through their
//! keys, some with each commit: neighbours in key order are neighbours on disk, so
//! this takes few pages, and no reply waits long for its commit. With `--sync` all
//! records wait, and longer: what was answered last may then be lost, but each commit
//! writes all of them, and the file stays sound, because a commit is all or nothing.

use super::table_map::TableMap;
use crate::greylist::Record;
use crate::state::Table;
use std::ops::Bound;
use std::time::{Duration, Instant};

/// The time that a refreshed record may wait for the disk.
const REFRESH_DELAY: Duration = Duration::from_secs(1);

/// Records that may wait before a sweep starts early: about two megabytes.
const MAX_DEFERRED: usize = 8192;

/// Records that may wait with `--sync`: few enough that the commit of all of them
/// delays a reply by milliseconds only.
const MAX_UNSYNCED: usize = 2048;

/// The most commits in which a sweep writes the records that it finds.
const MAX_BATCHES: usize = 64;

/// The fewest records of a commit: enough to be worth its wait for the disk, few
/// enough to delay a reply by milliseconds only if each record is in a page of its
/// own, which costs about 30 microseconds.
const MIN_BATCH: usize = 32;

/// Refreshed records that may wait while the disk fails. Others are dropped: the
/// record on disk stays as it is and is older than it should be.
const MAX_RECORDS: usize = 65_536;

/// The table and key of a record.
pub type Place = (Table, Vec<u8>);

/// The waiting records of both tables, in the order of the file.
#[derive(Debug)]
pub struct WriteBehind {
    records: TableMap<Record>,
    patience: Duration,
    enough: usize,
    may_defer: bool,
    due: Option<Instant>,
    /// The sweep in progress.
    sweep: Option<Sweep>,
    /// The number of sweeps that have ended.
    ended: u64,
    /// The number of sweeps that a tool waits for.
    wanted: u64,
    is_refused: bool,
}

/// The progress of a sweep.
#[derive(Debug)]
enum Sweep {
    /// All records are written with the next commit.
    Whole,
    /// A number of records is written with each commit, after the one written last.
    Shares(usize, Option<Place>),
}

impl Default for WriteBehind {
    /// A buffer for records that no decision depends on.
    fn default() -> Self {
        WriteBehind {
            records: TableMap::default(),
            patience: REFRESH_DELAY,
            enough: MAX_DEFERRED,
            may_defer: false,
            due: None,
            sweep: None,
            ended: 0,
            wanted: 0,
            is_refused: false,
        }
    }
}

impl WriteBehind {
    /// Lets all records wait, for this long.
    pub fn set_delay(&mut self, patience: Duration) {
        self.patience = patience;
        self.enough = MAX_UNSYNCED;
        self.may_defer = true;
    }

    /// Returns true if a write that affects decisions may be deferred: the buffer must
    /// have room and the last commit must have succeeded.
    pub fn may_defer(&self) -> bool {
        self.may_defer && !self.is_refused && self.len() < self.enough
    }

    /// The waiting record of a key, newer than the one on disk.
    pub fn get(&self, table: Table, key: &[u8]) -> Option<Record> {
        self.records.get(table, key).copied()
    }

    /// Lets a record wait.
    pub fn put(&mut self, table: Table, key: &[u8], record: Record) {
        if let Some(waiting) = self.records.get_mut(table, key) {
            *waiting = record;
        } else if self.len() < MAX_RECORDS {
            self.records.insert(table, key, record);
            let now = Instant::now();
            if self.len() == self.enough {
                self.due = Some(now);
            }
            self.due.get_or_insert(now + self.patience);
        }
    }

    /// Forgets a record that waits.
    pub fn remove(&mut self, table: Table, key: &[u8]) {
        self.records.remove(table, key);
    }

    /// Lets the next commit write all records.
    pub fn flush_all(&mut self) {
        self.sweep = (!self.is_empty()).then_some(Sweep::Whole);
    }

    /// Starts writing the records that wait at `now`. Returns the number of the sweep
    /// that writes the last of them, for [`WriteBehind::has_ended`].
    pub fn settle(&mut self, now: Instant) -> u64 {
        if !self.is_empty() {
            // One that is under way may have passed by some of them.
            self.wanted = self.ended + 1 + u64::from(self.sweep.is_some());
            self.due = Some(now);
        }
        self.wanted
    }

    /// Returns true if a sweep has ended.
    pub fn has_ended(&self, sweep: u64) -> bool {
        self.ended >= sweep
    }

    /// The records that a commit at `now` writes, in key order. A commit that happens
    /// anyway starts the sweep in the second half of their delay.
    pub fn next_batch(&mut self, now: Instant) -> Vec<Place> {
        // Rows on which decisions depend are not left behind by newer ones. There
        // are more than that only after the disk took none for a while, and most
        // of those are refreshed ones.
        if self.may_defer && self.len() <= self.enough {
            self.flush_all();
        } else if self.sweep.is_none() && self.due.is_some_and(|due| due <= now + self.patience / 2)
        {
            let share = self.len().div_ceil(MAX_BATCHES).max(MIN_BATCH);
            self.sweep = Some(Sweep::Shares(share, None));
        }
        match &self.sweep {
            None => Vec::new(),
            Some(Sweep::Whole) => self.places(None).collect(),
            Some(Sweep::Shares(rows, last)) => self.places(last.as_ref()).take(*rows).collect(),
        }
    }

    /// The places of the records, in order, after one of them.
    fn places(&self, last: Option<&Place>) -> impl Iterator<Item = Place> {
        let begin = last.map_or(0, |(table, _)| *table as usize);
        Table::ALL.into_iter().skip(begin).flat_map(move |table| {
            let behind = match last {
                Some((same, key)) if *same == table => Bound::Excluded(key.as_slice()),
                _ => Bound::Unbounded,
            };
            let table_records = self.records.table(table);
            let rows = table_records.range::<[u8], _>((behind, Bound::Unbounded));
            rows.map(move |(key, _)| (table, key.clone()))
        })
    }

    /// Removes records that have been written, and ends the sweep if they were the
    /// last.
    pub fn written(&mut self, share: Vec<Place>, now: Instant) {
        self.is_refused = false;
        for (table, key) in &share {
            self.records.remove(*table, key);
        }
        match self.sweep.take() {
            _ if self.is_empty() => {
                self.ended = self.wanted;
                self.due = None;
            }
            None => {}
            Some(Sweep::Shares(rows, _)) if share.len() == rows => {
                self.sweep = Some(Sweep::Shares(rows, share.into_iter().next_back()));
                self.due = Some(now);
            }
            Some(_) => {
                self.ended += 1;
                let is_urgent = self.len() >= self.enough || self.ended < self.wanted;
                let rest = if is_urgent { Duration::ZERO } else { self.patience };
                self.due = Some(now + rest);
            }
        }
    }

    /// Returns true if no record waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns true if the last commit failed.
    pub fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// When the records have to be written, if any wait.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Keeps the records for another try after a failed commit.
    pub fn postpone(&mut self) {
        self.is_refused = true;
        self.sweep = None;
        self.due = (!self.is_empty()).then(|| Instant::now() + REFRESH_DELAY);
    }
}

#[cfg(test)]
#[path = "write_behind_tests.rs"]
mod tests;
