//! Records that LMDB does not have yet, in three layers.
//!
//! The newest are the *loose* ones: a repeated delivery of a known triplet only changes
//! the time at which it was last seen, and no later decision depends on that time being
//! on disk. They wait here for the next append. *Young* records are in the half of the
//! journal that is being written, *old* ones in the other half. A sweep writes the old
//! records to LMDB in key order: neighbours in key order are neighbours on disk. The
//! layer does not change meanwhile, and is read until the sweep has ended.

use super::journal::Row;
use super::table_map::TableMap;
use crate::greylist::Record;
use crate::state::Table;
use std::sync::Arc;

/// Loose records that are kept while the disk fails.
const MAX_LOOSE: usize = 65_536;

/// A changed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The record; `None` if it is deleted.
    pub record: Option<Record>,
    /// True if the key had a record below this layer.
    pub was_there: bool,
}

/// Changes by table and key.
pub type Changes = TableMap<Change>;

impl Changes {
    /// Adds a change to those of this layer.
    pub fn add(&mut self, table: Table, key: &[u8], change: Change) {
        match self.get_mut(table, key) {
            Some(earlier) => earlier.record = change.record,
            None => self.insert(table, key, change),
        }
    }

    /// The changes as rows of the journal.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.iter().map(|(table, key, change)| (table, key, change.record))
    }

    /// By how many records of each table a database without these changes is short.
    fn surplus(&self) -> [isize; 2] {
        let surplus = |it: &Change| isize::from(it.record.is_some()) - isize::from(it.was_there);
        Table::ALL.map(|table| self.table(table).values().map(surplus).sum())
    }
}

/// The records of all layers.
#[derive(Debug, Default)]
pub struct Buffer {
    loose: Changes,
    young: Changes,
    old: Arc<Changes>,
}

impl Buffer {
    /// The change of a key that LMDB may not have: its record, or its deletion.
    pub fn get(&self, table: Table, key: &[u8]) -> Option<Option<Record>> {
        let layers = [&self.loose, &self.young, &*self.old];
        layers.into_iter().find_map(|layer| layer.get(table, key)).map(|change| change.record)
    }

    /// Lets a record wait for an append. There may be too many while the disk fails:
    /// then the record on disk stays older than it should be.
    pub fn put_loose(&mut self, table: Table, key: &[u8], change: Change) {
        if self.loose.len() < MAX_LOOSE || self.loose.get(table, key).is_some() {
            self.loose.add(table, key, change);
        }
    }

    /// The records that wait for an append.
    pub fn loose(&self) -> &Changes {
        &self.loose
    }

    /// Adds changes that have been appended, which are newer than all others.
    pub fn add(&mut self, changes: Changes) {
        for (table, key, mut change) in changes.into_rows() {
            if let Some(loose) = self.loose.remove(table, &key) {
                change.was_there = loose.was_there;
            }
            match self.young.get_mut(table, &key) {
                Some(earlier) => earlier.record = change.record,
                None => self.young.insert_owned(table, key, change),
            }
        }
    }

    /// Forgets records for which LMDB has newer ones.
    pub fn forget_loose(&mut self, newer: &Changes) {
        for (table, key, _) in newer.iter() {
            self.loose.remove(table, key);
        }
    }

    /// The records in the half of the journal that is being written.
    pub fn young(&self) -> &Changes {
        &self.young
    }

    /// The records in the other half, for as long as a sweep needs them.
    pub fn old(&self) -> &Arc<Changes> {
        &self.old
    }

    /// Makes the young records the old ones, which a sweep writes.
    pub fn rotate(&mut self) {
        debug_assert!(self.old.is_empty(), "one sweep at a time");
        self.old = Arc::new(std::mem::take(&mut self.young));
    }

    /// Ends the sweep: LMDB has all old records.
    pub fn end_sweep(&mut self) {
        self.old = Arc::default();
    }

    /// By how many records of each table LMDB is short, if it has no old record.
    pub fn surplus(&self) -> [isize; 2] {
        let layers = [&self.loose, &self.young, &*self.old].map(Changes::surplus);
        [0, 1].map(|table| layers.iter().map(|layer| layer[table]).sum())
    }

    /// Returns true if LMDB has all records.
    pub fn is_empty(&self) -> bool {
        self.loose.is_empty() && self.young.is_empty() && self.old.is_empty()
    }
}
