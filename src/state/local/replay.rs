//! The start with records in the journal.

use super::Store;
use super::buffer::{Change, Changes};
use super::journal::{OwnedRow, Replayed};
use crate::state::Error;
use std::time::Instant;

impl Store {
    /// Takes the records of a journal.
    pub(super) fn replay(&mut self, replayed: Replayed) -> Result<(), Error> {
        let Replayed { old, young, warning } = replayed;
        let is_damaged = warning.is_some();
        self.notices.extend(warning);
        for rows in [old, young] {
            self.buffer.rotate();
            let changes = self.changes_of(rows)?;
            self.buffer.add(changes);
        }
        if !self.buffer.is_empty() {
            self.schedule.note_replay(Instant::now());
        }
        if is_damaged {
            // The records that were read have to be in an intact file.
            self.ensure_journal()?;
        }
        Ok(())
    }

    /// The rows of a journal as changes to what is there.
    fn changes_of(&mut self, rows: Vec<OwnedRow>) -> Result<Changes, Error> {
        let mut changes = Changes::default();
        for (table, key, record) in rows {
            let was_there = self.record(table, &key)?.is_some();
            changes.add(table, &key, Change { record, was_there });
        }
        Ok(changes)
    }
}
