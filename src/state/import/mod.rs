//! Imports another database: the original's files, a dump of them, or the output
//! of other greylisting programs.
//!
//! Entries are merged in batches, so that memory does not grow with their number
//! and an interrupted import has done part of its work.

mod entry;
mod first_start;
mod json;
mod keys;
mod merge;
mod original;
mod recover;
mod report;
mod source;
mod tsv;
mod work;

pub use entry::{ImportEntry, Refusal};
pub use first_start::open_or_import;
pub use merge::Destination;
pub use report::{Counts, ImportReport};
pub use source::{ImportSource, Problem};

use super::Table;
use crate::greylist::Policy;

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

pub struct Import<'a> {
    destination: &'a mut dyn Destination,
    policy: &'a Policy,
    watch: &'a mut Watch<'a>,
    batch: Vec<ImportEntry>,
    bytes: usize,
    report: ImportReport,
    failure: Option<Problem>,
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
        match ImportEntry::parse(table, key, value, self.policy) {
            Ok((entry, is_made)) => {
                self.report.has_made_keys |= is_made;
                self.entry(entry);
            }
            Err(refusal) => self.report.refuse(key, refusal),
        }
    }

    fn entry(&mut self, entry: ImportEntry) {
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
        let is_triplet = |entry: &ImportEntry| entry.record.table() == Table::Triplets;
        let (triplets, clients): (Vec<_>, Vec<_>) = self.batch.drain(..).partition(is_triplet);
        for (table, batch) in [(Table::Triplets, triplets), (Table::Clients, clients)] {
            if self.failure.is_none() && !batch.is_empty() {
                match self.destination.merge(&batch) {
                    Ok(new) => self.report.count(table, batch.len(), new),
                    Err(problem) => self.failure = Some(problem),
                }
            }
        }
    }

    /// Writes the last batch and returns the report.
    pub fn finish(mut self) -> Result<ImportReport, Problem> {
        self.write();
        self.failure.map_or(Ok(self.report), Err)
    }
}
