//! Takes over what another database knows: the original's files, a dump of
//! them, or what other greylisting programs export.
//!
//! Entries are merged in batches, so that memory does not grow with their
//! number and an import that is cut short has done a part of its work.

mod entry;
mod first_start;
mod json;
mod keys;
mod merge;
mod original;
mod policy_keys;
mod recover;
mod report;
mod source;
mod tsv;
mod work;

pub use entry::{ImportEntry, Refusal};
pub use first_start::open_or_import;
pub use keys::{Keys, Network};
pub use merge::Destination;
pub use report::{Counts, ImportReport};
pub use source::{ImportSource, Problem};

use super::Table;

/// The original's file of triplets.
const TRIPLETS: &str = "postgrey.db";

/// The original's file of clients.
const CLIENTS: &str = "postgrey_clients.db";

/// Entries of a batch, if they are not too long: as many as one turn can write,
/// should each be on a page of its own.
const BATCH: usize = 10_000;

/// Bytes of keys in a batch.
const BATCH_BYTES: usize = 2 << 20;

/// Is told how much of a source has been read, and of how much, in bytes. Of a
/// pipe nobody knows how much there is: that is 0.
pub type Watch<'w> = dyn FnMut(u64, u64) + 'w;

pub struct Import<'a> {
    destination: &'a mut dyn Destination,
    keys: &'a dyn Keys,
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
        keys: &'a dyn Keys,
        watch: &'a mut Watch<'a>,
        from: String,
    ) -> Import<'a> {
        let report = ImportReport { from, ..ImportReport::default() };
        Import { destination, keys, watch, batch: Vec::new(), bytes: 0, report, failure: None }
    }

    /// Takes a row of a table, or of one that its looks tell.
    pub fn row(&mut self, table: Option<Table>, key: &[u8], value: &[u8]) {
        match ImportEntry::parse(table, key, value, self.keys) {
            Ok((entry, is_made)) => {
                self.report.has_made_keys |= is_made;
                self.entry(entry);
            }
            Err(refusal) => self.report.refuse(key, refusal),
        }
    }

    fn entry(&mut self, entry: ImportEntry) {
        self.bytes += entry.key().len();
        self.batch.push(entry);
        if self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.write();
        }
    }

    fn remark(&mut self, sentence: String) {
        self.report.remarks.push(sentence);
    }

    /// Writes what was taken. After a failure nothing is written any more.
    fn write(&mut self) {
        self.bytes = 0;
        let is_triplet = |entry: &ImportEntry| entry.table() == Table::Triplets;
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

    /// Writes the rest.
    pub fn finish(mut self) -> Result<ImportReport, Problem> {
        self.write();
        self.failure.map_or(Ok(self.report), Err)
    }
}
