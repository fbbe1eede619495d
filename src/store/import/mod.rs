//! Takes over what another database knows: the original's files, a dump of
//! them, or what other greylisting programs export.
//!
//! Entries are merged in batches, so that memory does not grow with their
//! number and an import that is cut short has done a part of its work.

mod entry;
mod first_start;
mod merge;
mod original;
mod recover;
mod report;
mod source;
mod work;

pub use entry::{Entry, Refusal};
pub use first_start::open_or_import;
pub use merge::Effect;
pub use report::{Counts, Report};
pub use source::{Problem, import};

use super::lmdb::Store;
use super::{Error, Table};

/// Entries of a batch, if they are not too long: as many as one turn can write,
/// should each be on a page of its own.
const BATCH: usize = 10_000;

/// Bytes of keys in a batch.
const BATCH_BYTES: usize = 2 << 20;

/// An import under way.
struct Import<'store> {
    store: &'store mut Store,
    batch: Vec<Entry>,
    bytes: usize,
    report: Report,
    failure: Option<Error>,
}

impl<'store> Import<'store> {
    fn new(store: &'store mut Store, from: String) -> Import<'store> {
        let report = Report { from, ..Report::default() };
        Import { store, batch: Vec::new(), bytes: 0, report, failure: None }
    }

    /// Takes a row of a table, or of one that its looks tell.
    fn row(&mut self, table: Option<Table>, key: &[u8], value: &[u8]) {
        match Entry::parse(table, key, value) {
            Ok(entry) => self.entry(entry),
            Err(refusal) => self.report.refuse(key, refusal),
        }
    }

    fn entry(&mut self, entry: Entry) {
        self.bytes += entry.bytes();
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
        let batch = std::mem::take(&mut self.batch);
        if self.failure.is_none() {
            self.failure = self.merge(&batch).err();
        }
    }

    fn merge(&mut self, batch: &[Entry]) -> Result<(), Error> {
        let mut turn = self.store.begin();
        for entry in batch {
            let effect = entry.merge_into(&mut turn)?;
            self.report.count(entry, effect);
        }
        turn.commit().map(drop)
    }

    /// Writes the rest.
    fn finish(mut self) -> Result<Report, Error> {
        self.write();
        self.failure.map_or(Ok(self.report), Err)
    }
}
