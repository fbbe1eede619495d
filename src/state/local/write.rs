//! The way of a change to the disk: an append to the journal, later a sweep.

use super::buffer::Changes;
use super::journal::{self, Row};
use super::rows::{put, stored_key};
use super::{Failure, Store, Tables, errors::explain_write, identity, open_file};
use crate::state::Error;
use lmdb::{RwTransaction, Transaction as _};
use std::io;
use std::time::Instant;

/// Records of a transaction at most: LMDB keeps their pages in memory.
const LARGE_SLICE: usize = 2048;

impl Store {
    /// Appends the refreshed records that wait.
    pub(super) fn append_loose(&mut self) -> Result<(), Error> {
        let loose = self.buffer.loose().clone();
        if loose.is_empty() { Ok(()) } else { self.append(loose) }
    }

    /// Makes changes durable: they are appended to the journal, and refreshed records
    /// with them if these are due.
    pub(super) fn append(&mut self, mut changes: Changes) -> Result<(), Error> {
        let now = Instant::now();
        if self.schedule.takes_loose(now) {
            for (table, key, loose) in self.buffer.loose().iter() {
                if changes.get(table, key).is_none() {
                    changes.insert(table, key, *loose);
                }
            }
        }
        let count = changes.len();
        let result = self.try_append(changes);
        match &result {
            Ok(()) => {
                self.schedule.note_append(count, &self.buffer, now);
            }
            Err(error) => {
                self.schedule.postpone_append(now);
                self.failure.get_or_insert_with(|| Failure::new(error.clone()));
            }
        }
        result
    }

    fn try_append(&mut self, changes: Changes) -> Result<(), Error> {
        open_file(&self.file, &self.failure)?;
        self.ensure_journal()?;
        let length = journal::length_of(changes.rows());
        if length > journal::CAPACITY {
            return self.write_past_journal(&changes);
        }
        if length > self.journal.room() {
            self.make_room()?;
        }
        let appended = self.journal.append(changes.rows()).and_then(|()| {
            if self.schedule.syncs_at_once() { self.journal.sync() } else { Ok(()) }
        });
        appended.map_err(|error| self.explain(&error))?;
        self.buffer.add(changes);
        Ok(())
    }

    /// Makes the journal if there is none, and again if it is not the file at its path
    /// or has failed: with all records that LMDB may not have.
    pub(super) fn ensure_journal(&mut self) -> Result<(), Error> {
        if self.journal.is_in_place() {
            return Ok(());
        }
        let is_lost = self.journal.is_lost();
        if self.journal.identity().is_none() {
            let file = open_file(&self.file, &self.failure)?;
            let identity = journal::new_identity().map_err(|error| self.explain(&error))?;
            identity::create(file, &self.path, identity, 0)?;
            self.journal.set_identity(identity);
        }
        let (old, young) = (self.buffer.old(), self.buffer.young());
        let made = self.journal.make(old.rows(), young.rows());
        made.map_err(|error| self.explain(&error))?;
        if is_lost {
            let count = old.len() + young.len();
            let path = journal::path_beside(&self.path);
            self.notices.push(format!(
                "{} was deleted or replaced; it was made again with {count} records",
                path.display()
            ));
        }
        Ok(())
    }

    fn explain(&self, error: &io::Error) -> Error {
        journal::explain("write", &journal::path_beside(&self.path), error)
    }

    /// Syncs what was appended (`--sync`).
    pub(super) fn sync_journal(&mut self) -> Result<(), Error> {
        if self.journal.sync().is_err() {
            // It is unknown which of the last blocks are on disk.
            self.ensure_journal().inspect_err(|error| {
                self.schedule.postpone_append(Instant::now());
                self.failure.get_or_insert_with(|| Failure::new(error.clone()));
            })?;
        }
        self.schedule.note_sync();
        Ok(())
    }

    /// Frees a half of the journal, for which LMDB must take the records of the other.
    pub(super) fn make_room(&mut self) -> Result<(), Error> {
        self.is_full = true;
        self.finish_sweep()?;
        self.start_sweep();
        self.is_full = false;
        Ok(())
    }

    /// Opens LMDB's file again, unless it has no name any more.
    pub(super) fn reopen(&mut self) {
        if !self.watch.has_only_copy() {
            self.open_again();
        }
    }

    /// Starts a sweep of the half that is being written. The other one is free.
    pub(super) fn start_sweep(&mut self) {
        self.buffer.rotate();
        self.journal.rotate();
        self.schedule.note_sweep();
    }

    /// Brings the sweep in progress to its end.
    pub(super) fn finish_sweep(&mut self) -> Result<(), Error> {
        while !self.buffer.old().is_empty() {
            self.write_slice(LARGE_SLICE)?;
        }
        Ok(())
    }

    /// Sweeps all records of the journal.
    pub(super) fn sweep_all(&mut self) -> Result<(), Error> {
        self.finish_sweep()?;
        if !self.buffer.young().is_empty() {
            self.start_sweep();
        }
        self.finish_sweep()
    }

    /// Writes the next records of the sweep to LMDB, and deletes expired ones.
    pub(super) fn write_slice(&mut self, count: usize) -> Result<(), Error> {
        let start = Instant::now();
        let result = self.try_write_slice(count, start);
        if let Err(error) = &result {
            self.expiry.forget();
            self.buffer.restart_sweep();
            self.schedule.postpone_sweep(Instant::now());
            if self.failure.is_none() {
                if self.sweep_error.replace(error.clone()).is_none() {
                    let kept = "records are kept in the journal until this is fixed";
                    self.notices.push(format!("{error}; {kept}"));
                }
                // LMDB refuses all work after some errors.
                self.reopen();
            }
        }
        result
    }

    fn try_write_slice(&mut self, count: usize, start: Instant) -> Result<(), Error> {
        if self.file.as_ref().is_some_and(|file| !file.has_room()) {
            self.reopen();
        }
        let file = open_file(&self.file, &self.failure)?;
        let rows = self.buffer.next_slice(count);
        let is_sweeping = !self.buffer.old().is_empty();
        let is_last = is_sweeping && rows.len() < count;
        let write = || {
            let mut writer = file.environment.begin_rw_txn()?;
            let has_newer = |table, key: &[u8]| self.buffer.get(table, key).is_some();
            let deleted = self.expiry.delete(&mut writer, file.tables, has_newer)?;
            rows.iter().try_for_each(|row| put_row(&mut writer, file.tables, *row))?;
            if let Some(identity) = self.journal.identity().filter(|_| is_last) {
                let swept = self.journal.generation() - 1;
                identity::write(&mut writer, file.meta, identity, swept)?;
            }
            writer.commit()?;
            file.witness.note_commit(&file.environment);
            if is_last {
                // A commit alone may be undone by a power failure.
                file.environment.sync(true)?;
            }
            Ok(deleted)
        };
        let deleted = write().map_err(|error| explain_write(&self.path, error))?;
        let (written, last) =
            (rows.len(), rows.last().map(|(table, key, _)| (*table, key.to_vec())));
        self.expiry.note(&deleted, start.elapsed());
        self.schedule.note_slice(written, start.elapsed());
        if self.sweep_error.take().is_some() {
            self.notices.push(format!("{} can be written again", self.path.display()));
        }
        if is_last {
            self.buffer.end_sweep();
            self.schedule.note_sweep_end(self.buffer.is_empty());
        } else if let Some(last) = last {
            self.buffer.note_swept(last);
        }
        Ok(())
    }

    /// Deletes expired records, durably.
    pub(super) fn delete_expired(&mut self) -> Result<(), Error> {
        self.write_slice(0)?;
        let file = open_file(&self.file, &self.failure)?;
        file.environment.sync(true).map_err(|error| explain_write(&self.path, error))
    }

    /// Writes changes that are too large for the journal to LMDB, in one transaction.
    /// LMDB has to have all older records first.
    fn write_past_journal(&mut self, changes: &Changes) -> Result<(), Error> {
        self.sweep_all()?;
        if self.file.as_ref().is_some_and(|file| !file.has_room()) {
            self.reopen();
        }
        let file = open_file(&self.file, &self.failure)?;
        let write = || {
            let mut writer = file.environment.begin_rw_txn()?;
            changes.rows().try_for_each(|row| put_row(&mut writer, file.tables, row))?;
            writer.commit()?;
            file.witness.note_commit(&file.environment);
            file.environment.sync(true)
        };
        if let Err(error) = write() {
            let error = explain_write(&self.path, error);
            self.reopen();
            return Err(error);
        }
        self.buffer.forget_loose(changes);
        Ok(())
    }
}

/// Writes a changed record in a transaction.
fn put_row(
    writer: &mut RwTransaction<'_>,
    tables: Tables,
    (table, key, record): Row<'_>,
) -> Result<(), lmdb::Error> {
    let database = tables.database(table);
    match record {
        Some(record) => put(writer, database, key, &record.text()),
        None => match writer.del(database, &stored_key(key), None) {
            Ok(()) | Err(lmdb::Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        },
    }
}
