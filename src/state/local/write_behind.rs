//! Rows that wait for the disk.
//!
//! A repeated delivery of a known triplet changes nothing but the time at
//! which the triplet was last seen, and no later decision depends on that time
//! being on disk. Such rows wait here, about [`REFRESH_DELAY`], and are then written by a
//! sweep through their keys, a share with each commit: neighbours in key order
//! are neighbours on disk, so a share costs few pages, and no reply waits long for
//! its commit. With `--sync` all rows wait, and longer: then what a client was
//! told may be lost, but only the latest, since each commit takes all rows along,
//! and the file is as sound as ever, because a commit is still all or nothing.

use super::table_map::TableMap;
use crate::greylist::Record;
use crate::state::Table;
use std::ops::Bound;
use std::time::{Duration, Instant};

/// How long a refreshed row may wait for the disk.
const REFRESH_DELAY: Duration = Duration::from_secs(1);

/// How many rows may wait before a sweep begins early: they take about two
/// megabytes.
const MAX_DEFERRED: usize = 8192;

/// How many may wait with `--sync`: few enough that the commit that takes them
/// all delays a reply by milliseconds only.
const MAX_UNSYNCED: usize = 2048;

/// In how many commits at most a sweep writes the rows that it finds.
const MAX_BATCHES: usize = 64;

/// How many rows each of them takes along at least: enough to make it worth its
/// sync, few enough that it delays a reply by milliseconds only where each row
/// lies in pages of its own, which then cost about 30 microseconds each.
const MIN_BATCH: usize = 32;

/// How many refreshed rows may wait while the disk takes none. Further ones are
/// dropped: the row on disk stays as it is, which costs a triplet nothing but
/// its age.
const MAX_RECORDS: usize = 65_536;

/// A row's table and key.
pub type Place = (Table, Vec<u8>);

/// The waiting rows of both tables by key: in the database's own order.
#[derive(Debug)]
pub struct WriteBehind {
    records: TableMap<Record>,
    patience: Duration,
    enough: usize,
    may_defer: bool,
    due: Option<Instant>,
    /// Where the sweep is, while there is one.
    sweep: Option<Sweep>,
    /// Sweeps that have ended.
    ended: u64,
    /// How many have to end before nobody waits for one.
    wanted: u64,
    is_refused: bool,
}

/// How far a sweep has come.
#[derive(Debug)]
enum Sweep {
    /// It takes all rows with the next commit.
    Whole,
    /// It takes so many rows with each commit, and goes on behind the one that it
    /// wrote last, if it has written any.
    Shares(usize, Option<Place>),
}

impl Default for WriteBehind {
    /// Only rows may wait on which no decision depends.
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
    /// Lets all rows wait, for so long.
    pub fn set_delay(&mut self, patience: Duration) {
        self.patience = patience;
        self.enough = MAX_UNSYNCED;
        self.may_defer = true;
    }

    /// Whether another row may wait on which decisions depend. Not one too many
    /// and not while the disk takes none: that would be lost without a word.
    pub fn may_defer(&self) -> bool {
        self.may_defer && !self.is_refused && self.len() < self.enough
    }

    /// The waiting row of a key, newer than the one on disk.
    pub fn get(&self, table: Table, key: &[u8]) -> Option<Record> {
        self.records.get(table, key).copied()
    }

    /// Lets a row wait.
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

    /// Lets the next commit take all rows along.
    pub fn flush_all(&mut self) {
        self.sweep = (!self.is_empty()).then_some(Sweep::Whole);
    }

    /// Lets the rows that wait at `now` be written soon. Gives the number of the
    /// sweep with which all of them are, for [`WriteBehind::has_ended`].
    pub fn settle(&mut self, now: Instant) -> u64 {
        if !self.is_empty() {
            // One that is under way may have passed by some of them.
            self.wanted = self.ended + 1 + u64::from(self.sweep.is_some());
            self.due = Some(now);
        }
        self.wanted
    }

    /// Whether a sweep has ended.
    pub fn has_ended(&self, sweep: u64) -> bool {
        self.ended >= sweep
    }

    /// The rows that a commit at `now` takes along, in key order. A commit that
    /// happens anyway begins the sweep in the second half of their time.
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

    /// The places of the rows, in order, behind one of them.
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

    /// Forgets the rows of a share, since they are on disk, and ends the sweep
    /// if they were the last.
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

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the disk did not take the rows when it should.
    pub fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// When the rows have to be written, if any wait.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Leaves the rows for another try, since the disk did not take them.
    pub fn postpone(&mut self) {
        self.is_refused = true;
        self.sweep = None;
        self.due = (!self.is_empty()).then(|| Instant::now() + REFRESH_DELAY);
    }
}

#[cfg(test)]
#[path = "write_behind_tests.rs"]
mod tests;
