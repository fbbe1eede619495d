//! One batch: records are read, decided upon and changed, then written together.
//!
//! Between the decisions and the commit the changes are kept here, so that later
//! decisions of the batch see them and nothing reaches the file if the commit
//! fails.

use super::File;
use super::buffer::{Buffer, Change, Changes};
use super::errors::explain_read;
use super::reading::Reading;
use super::rows::stored_key;
use crate::greylist::edit::{Edit, Effect};
use crate::greylist::{Decision, Lookup, Policy, Record, Records, Urgency, judge};
use crate::state::{Completed, Done, Error, Table, Task, Ticket};
use lmdb::{RoTransaction, Transaction as _};
use std::path::Path;

/// The changes of a batch, and the tasks that wait for them to be durable.
#[derive(Debug, Default)]
pub struct Batch {
    /// The changed records.
    pub changes: Changes,
    /// The tasks that wait for the commit.
    pub waiting: Vec<Completed>,
}

/// The records as a task sees them: the changes of the batch, before those that
/// wait for the disk, before those in the file.
pub struct View<'s> {
    batch: &'s mut Batch,
    buffer: &'s mut Buffer,
    file: &'s File,
    path: &'s Path,
    /// Begun with the first record that is read from the file.
    reader: Option<RoTransaction<'s>>,
    /// True if the task depends on a change that is not durable.
    is_unsettled: bool,
}

impl<'s> View<'s> {
    /// Begins to run tasks.
    pub fn new(
        batch: &'s mut Batch,
        buffer: &'s mut Buffer,
        file: &'s File,
        path: &'s Path,
    ) -> View<'s> {
        View { batch, buffer, file, path, reader: None, is_unsettled: false }
    }

    /// Runs a task. It is returned if it is complete; otherwise it waits in the
    /// batch for the commit.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn run(
        &mut self,
        policy: &Policy,
        ticket: Ticket,
        task: &Task,
    ) -> Result<Option<Completed>, Error> {
        self.is_unsettled = false;
        let done = match task {
            Task::Decide(lookup) => Done::Decided(self.decide(policy, lookup)?),
            Task::Edit(edits, now) => {
                let mut changed = 0;
                for edit in edits {
                    changed += usize::from(self.edit(policy, edit, *now)?);
                }
                Done::Edited(changed)
            }
            Task::Read(query) => {
                let reading = Reading { environment: &self.file.environment, path: self.path };
                let result = reading.read(query).map(Done::Found);
                return Ok(Some(Completed { ticket, result }));
            }
        };
        let completed = Completed { ticket, result: Ok(done) };
        if self.is_unsettled {
            self.batch.waiting.push(completed);
            return Ok(None);
        }
        Ok(Some(completed))
    }

    fn decide(&mut self, policy: &Policy, lookup: &Lookup) -> Result<Decision, Error> {
        let mut records = Records::default();
        for slot in lookup.slots() {
            let (table, key) = lookup.key(slot);
            records.set(slot, self.record(table, key)?);
        }
        let decision = judge(policy, lookup, &records);
        for write in &decision.writes {
            let (table, key) = lookup.key(write.slot);
            let change = Change { record: Some(write.after), was_there: write.before.is_some() };
            let may_wait = write.urgency == Urgency::Soon;
            if may_wait && self.batch.changes.get(table, key).is_none() {
                self.buffer.put_loose(table, key, change);
            } else {
                self.change(table, key, change);
            }
        }
        Ok(decision)
    }

    /// Applies an edit; returns true if it changes a record.
    fn edit(&mut self, policy: &Policy, edit: &Edit, now: i64) -> Result<bool, Error> {
        let Edit { table, key, .. } = edit;
        let known = self.record(*table, key)?;
        let record = match edit.effect(policy, known, now) {
            Effect::Nothing => return Ok(false),
            Effect::Put(record) => Some(record),
            Effect::Delete => None,
        };
        self.change(*table, key, Change { record, was_there: known.is_some() });
        Ok(true)
    }

    fn change(&mut self, table: Table, key: &[u8], change: Change) {
        self.batch.changes.add(table, key, change);
        self.is_unsettled = true;
    }

    /// The record of a key.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn record(&mut self, table: Table, key: &[u8]) -> Result<Option<Record>, Error> {
        if let Some(change) = self.batch.changes.get(table, key) {
            self.is_unsettled = true;
            return Ok(change.record);
        }
        if let Some(record) = self.buffer.get(table, key) {
            return Ok(record);
        }
        self.record_in_file(table, key).map_err(|error| explain_read(self.path, error))
    }

    fn record_in_file(&mut self, table: Table, key: &[u8]) -> Result<Option<Record>, lmdb::Error> {
        let reader = match &self.reader {
            Some(reader) => reader,
            None => self.reader.insert(self.file.environment.begin_ro_txn()?),
        };
        match reader.get(self.file.tables.database(table), &stored_key(key)) {
            Ok(row) => Ok(Record::parse(table, row)),
            Err(lmdb::Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
