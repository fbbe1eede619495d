//! Last-seen times that wait for the next commit.
//!
//! A repeated delivery of a known triplet changes nothing but the time at
//! which the triplet was last seen, and no later decision depends on that time
//! being on disk. Such rows wait here, at most [`DUE`], and then share one
//! commit.

use super::Seen;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a refreshed row may wait for the disk.
pub const DUE: Duration = Duration::from_secs(1);

/// How many rows may wait: enough to make a commit worth its sync, few enough
/// that the commit that takes them all does not delay a reply by more than a
/// few milliseconds.
const ENOUGH: usize = 512;

/// How many rows may wait while the disk takes none. Further ones are dropped:
/// the row on disk stays as it is, which costs a triplet nothing but its age.
const MOST: usize = 65_536;

/// The waiting rows by key: in the database's own order, so that neighbours
/// are written together.
#[derive(Debug, Default)]
pub struct Refreshes {
    rows: BTreeMap<Vec<u8>, Seen>,
    due: Option<Instant>,
}

impl Refreshes {
    /// The waiting row of a triplet, newer than the one on disk.
    pub fn get(&self, key: &[u8]) -> Option<Seen> {
        self.rows.get(key).copied()
    }

    /// Lets a row wait.
    pub fn put(&mut self, key: &[u8], seen: Seen) {
        if let Some(waiting) = self.rows.get_mut(key) {
            *waiting = seen;
        } else if self.rows.len() < MOST {
            self.rows.insert(key.to_vec(), seen);
            let now = Instant::now();
            if self.rows.len() == ENOUGH {
                self.due = Some(now);
            }
            self.due.get_or_insert(now + DUE);
        }
    }

    /// Forgets a row that was overtaken by a newer write.
    pub fn remove(&mut self, key: &[u8]) {
        self.rows.remove(key);
    }

    /// All waiting rows, in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Seen)> {
        self.rows.iter().map(|(key, seen)| (key.as_slice(), *seen))
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// When the rows have to be written, if any wait.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Leaves the rows for another try, since the disk did not take them.
    pub fn postpone(&mut self) {
        self.due = (!self.rows.is_empty()).then(|| Instant::now() + DUE);
    }

    /// Forgets all rows, since they are on disk.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.due = None;
    }
}
