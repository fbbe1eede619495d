//! Rows that wait for the next commit.
//!
//! A repeated delivery of a known triplet changes nothing but the time at
//! which the triplet was last seen, and no later decision depends on that time
//! being on disk. Such rows wait here, at most [`DUE`], and then share one
//! commit. With `--sync` all rows wait, and longer: then what a client was told
//! may be lost, but the file is as sound as ever, because a commit is still all
//! or nothing.

use super::Table;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a refreshed row may wait for the disk.
const DUE: Duration = Duration::from_secs(1);

/// How many rows may wait: enough to make a commit worth its sync, few enough
/// that the commit that takes them all delays a reply by milliseconds only. A
/// row costs about 30 microseconds, since each changes a page of its own.
const ENOUGH: usize = 512;

/// The same for an administrator who prefers speed (`--sync`).
const ENOUGH_FOR_SPEED: usize = 2048;

/// How many refreshed rows may wait while the disk takes none. Further ones are
/// dropped: the row on disk stays as it is, which costs a triplet nothing but
/// its age.
const MOST: usize = 65_536;

/// The waiting rows of both tables by key: in the database's own order, so that
/// neighbours are written together.
#[derive(Debug)]
pub struct Waiting {
    rows: [BTreeMap<Vec<u8>, String>; 2],
    patience: Duration,
    enough: usize,
    takes_news: bool,
    due: Option<Instant>,
    is_refused: bool,
}

impl Default for Waiting {
    /// Only rows may wait on which no decision depends.
    fn default() -> Self {
        Waiting {
            rows: Default::default(),
            patience: DUE,
            enough: ENOUGH,
            takes_news: false,
            due: None,
            is_refused: false,
        }
    }
}

impl Waiting {
    /// Lets all rows wait, for so long.
    pub fn be_patient(&mut self, patience: Duration) {
        self.patience = patience;
        self.enough = ENOUGH_FOR_SPEED;
        self.takes_news = true;
    }

    /// Whether another row may wait on which decisions depend. Not one too many
    /// and not while the disk takes none: that would be lost without a word.
    pub fn takes_news(&self) -> bool {
        self.takes_news && !self.is_refused && self.len() < self.enough
    }

    /// The waiting row of a key, newer than the one on disk.
    pub fn get(&self, table: Table, key: &[u8]) -> Option<&str> {
        self.rows[table as usize].get(key).map(String::as_str)
    }

    /// Lets a row wait.
    pub fn put(&mut self, table: Table, key: &[u8], row: String) {
        let is_full = self.len() >= MOST;
        let rows = &mut self.rows[table as usize];
        if let Some(waiting) = rows.get_mut(key) {
            *waiting = row;
        } else if !is_full {
            rows.insert(key.to_vec(), row);
            let now = Instant::now();
            if self.len() == self.enough {
                self.due = Some(now);
            }
            self.due.get_or_insert(now + self.patience);
        }
    }

    /// Forgets a row that waits; gives whether there was one.
    pub fn remove(&mut self, table: Table, key: &[u8]) -> bool {
        self.rows[table as usize].remove(key).is_some()
    }

    /// All waiting rows, in key order.
    pub fn iter(&self) -> impl Iterator<Item = (Table, &[u8], &str)> {
        Table::ALL.into_iter().flat_map(|table| {
            let rows = self.rows[table as usize].iter();
            rows.map(move |(key, row)| (table, key.as_slice(), row.as_str()))
        })
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.rows.iter().map(BTreeMap::len).sum()
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
        self.due = (!self.is_empty()).then(|| Instant::now() + DUE);
    }

    /// Forgets all rows, since they are on disk.
    pub fn clear(&mut self) {
        self.rows.iter_mut().for_each(BTreeMap::clear);
        self.is_refused = false;
        self.due = None;
    }
}
