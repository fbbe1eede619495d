//! The way of a change to the disk: an append to the journal, later a sweep.

use super::buffer::Changes;
use super::journal;
use super::writer::{Ended, Sweep};
use super::{
    Failure, Store,
    errors::{explain_no_thread, explain_write},
    identity, open_file,
};
use crate::state::Error;
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// Records of a sweep that a daemon writes in one transaction. LMDB keeps the memory of
/// as many pages, and a sync of the journal waits for those that are on their way to the
/// disk.
pub const SLICE: usize = 256;

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
        let result = self.try_append(changes);
        match &result {
            Ok(()) => self.schedule.note_append(&self.buffer, now),
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
            return self.write_past_journal(changes);
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
        self.sweep()?;
        self.is_full = false;
        Ok(())
    }

    /// Opens LMDB's file again, unless it has no name any more.
    pub(super) fn reopen(&mut self) {
        if !self.watch.has_only_copy() {
            self.open_again();
        }
    }

    /// Starts a sweep of the half that is being written, or another try of the last one.
    pub(super) fn sweep(&mut self) -> Result<(), Error> {
        if self.buffer.old().is_empty() {
            self.buffer.rotate();
            self.journal.rotate();
            self.schedule.note_sweep();
        }
        self.before_sweep = self.before_sweep.or_else(|| self.count_in_file());
        let swept = self.journal.identity().map(|it| (it, self.journal.generation() - 1));
        let started = self.start_writing(Arc::clone(self.buffer.old()), swept, self.slice);
        started.inspect_err(|error| self.postpone_sweep(error))
    }

    fn start_writing(
        &mut self,
        changes: Arc<Changes>,
        swept: Option<(u64, u64)>,
        slice: usize,
    ) -> Result<(), Error> {
        if self.file.as_ref().is_some_and(|file| !file.has_room()) {
            self.reopen();
        }
        let file = Arc::clone(open_file(&self.file, &self.failure)?);
        let started = self.writer.start(Sweep { file, changes, swept, slice });
        started.map_err(|_| explain_no_thread(&self.path))
    }

    /// Takes note of a sweep that has ended.
    pub(super) fn note_ended(&mut self, ended: Ended) -> Result<(), Error> {
        let error = match ended.result {
            Ok(()) => {
                self.before_sweep = None;
                self.buffer.end_sweep();
                self.schedule.note_sweep_end(self.buffer.is_empty(), ended.took);
                if self.sweep_error.take().is_some() {
                    self.notices.push(format!("{} can be written again", self.path.display()));
                }
                return Ok(());
            }
            // The file was opened again, or will be: the sweep starts over.
            Err(_) if self.look_at_file() => return Ok(()),
            // The new map has room to write every page once more.
            Err(lmdb::Error::MapFull) if !self.watch.has_only_copy() => {
                self.open_again();
                return Ok(());
            }
            Err(error) => explain_write(&self.path, error),
        };
        self.postpone_sweep(&error);
        Err(error)
    }

    /// Tries a failed sweep again later. Its records stay in the journal, and mail is
    /// not affected.
    fn postpone_sweep(&mut self, error: &Error) {
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

    /// Brings the sweep in progress to its end.
    pub(super) fn finish_sweep(&mut self) -> Result<(), Error> {
        while !self.buffer.old().is_empty() {
            match self.writer.wait() {
                Some(ended) => self.note_ended(ended)?,
                None => self.sweep()?,
            }
        }
        Ok(())
    }

    /// Sweeps all records of the journal.
    pub(super) fn sweep_all(&mut self) -> Result<(), Error> {
        self.finish_sweep()?;
        if !self.buffer.young().is_empty() {
            self.sweep()?;
        }
        self.finish_sweep()
    }

    /// Writes changes that are too large for the journal to LMDB, in one transaction.
    /// LMDB has to have all older records first.
    fn write_past_journal(&mut self, changes: Changes) -> Result<(), Error> {
        self.sweep_all()?;
        let changes = Arc::new(changes);
        self.start_writing(Arc::clone(&changes), None, usize::MAX)?;
        if let Some(Err(error)) = self.writer.wait().map(|ended| ended.result) {
            let error = explain_write(&self.path, error);
            self.reopen();
            return Err(error);
        }
        self.buffer.forget_loose(&changes);
        if self.buffer.is_empty() {
            self.schedule.note_empty();
        }
        Ok(())
    }
}
