//! Imports another database: the original's files, a dump of them, or the output
//! of other greylisting programs.
//!
//! Entries are merged in batches, so that memory does not grow with their number
//! and an interrupted import has done part of its work.

mod entry;
mod first_start;
mod json;
mod original;
mod recover;
mod report;
mod source;
mod tsv;
mod work;

pub use first_start::open_or_import;
pub use report::ImportReport;

use super::local::Store;
use super::{Error, Table};
use crate::greylist::Policy;
use crate::greylist::edit::Edit;
use entry::entry;

/// The original's file of triplets.
const TRIPLETS: &str = "postgrey.db";

/// The original's file of clients.
const CLIENTS: &str = "postgrey_clients.db";

/// The maximum number of entries in a batch: as many as one commit can write if
/// each is on another page.
const BATCH_ENTRIES: usize = 10_000;

/// The maximum number of bytes of keys in a batch.
const BATCH_BYTES: usize = 2 << 20;

/// Called with the number of bytes read and their total, which is 0 for a pipe.
pub type Watch<'w> = dyn FnMut(u64, u64) + 'w;

/// The destination of an import: a database of this process, or a daemon with
/// one.
pub trait Destination {
    /// Merges records into those of one table; returns the number of records that
    /// changed. The result does not depend on the order, and merging a record again
    /// changes nothing: an import of uncertain outcome can be repeated.
    fn merge(&mut self, edits: Vec<Edit>) -> Result<usize, Error>;
}

impl Destination for Store {
    fn merge(&mut self, edits: Vec<Edit>) -> Result<usize, Error> {
        // Merging does not depend on the policy or the time.
        self.edit(&Policy::default(), edits, 0)
    }
}

pub struct Import<'a> {
    destination: &'a mut dyn Destination,
    policy: &'a Policy,
    watch: &'a mut Watch<'a>,
    batch: Vec<Edit>,
    bytes: usize,
    report: ImportReport,
    failure: Option<Error>,
}

impl<'a> Import<'a> {
    /// Starts an import that is reported as one from `from`.
    pub fn new(
        destination: &'a mut dyn Destination,
        policy: &'a Policy,
        watch: &'a mut Watch<'a>,
        from: String,
    ) -> Import<'a> {
        let report = ImportReport { from, ..ImportReport::default() };
        Import { destination, policy, watch, batch: Vec::new(), bytes: 0, report, failure: None }
    }

    /// Imports a row of a table; without one, its key and value determine the
    /// table.
    pub fn row(&mut self, table: Option<Table>, key: &[u8], value: &[u8]) {
        match entry(table, key, value, self.policy) {
            Ok((entry, is_made)) => {
                self.report.has_made_keys |= is_made;
                self.entry(entry);
            }
            Err(why) => self.report.refuse(key, &why),
        }
    }

    fn entry(&mut self, entry: Edit) {
        self.bytes += entry.key.len();
        self.batch.push(entry);
        if self.batch.len() >= BATCH_ENTRIES || self.bytes >= BATCH_BYTES {
            self.write();
        }
    }

    fn remark(&mut self, sentence: String) {
        self.report.remarks.push(sentence);
    }

    /// Writes the batch. After a failure nothing more is written.
    fn write(&mut self) {
        self.bytes = 0;
        let is_triplet = |edit: &Edit| edit.table == Table::Triplets;
        let (triplets, clients): (Vec<_>, Vec<_>) = self.batch.drain(..).partition(is_triplet);
        for (table, batch) in [(Table::Triplets, triplets), (Table::Clients, clients)] {
            if self.failure.is_none() && !batch.is_empty() {
                let entries = batch.len();
                match self.destination.merge(batch) {
                    Ok(new) => self.report.count(table, entries, new),
                    Err(error) => self.failure = Some(error),
                }
            }
        }
    }

    /// Writes the last batch and returns the report.
    pub fn finish(mut self) -> Result<ImportReport, Error> {
        self.write();
        self.failure.map_or(Ok(self.report), Err)
    }
}
