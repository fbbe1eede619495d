//! The local backend: LMDB, behind [`Store`].
//!
//! The only directory that knows the `lmdb` crate. One process writes (the daemon
//! holds the lock of the directory), in one thread and one transaction a batch.

mod batch;
mod check;
mod copy;
mod create;
mod errors;
mod expiry;
mod free_pages;
mod head;
mod open;
mod pages;
mod reader;
mod reading;
mod replaced;
mod rows;
mod size;
mod structure;
mod table_map;
mod write_behind;

pub use check::{Findings, check};
pub use copy::Copy;
pub use reader::{Reader, is_lmdb};
pub use structure::Looked;

use super::{
    Backend, Completed, Error, ExpiryPass, ExpirySlice, Inspect, Lifetimes, Metadata, Slice,
    StateSize, Task, Ticket, Totals,
};
use crate::greylist::edit::Edit;
use crate::greylist::{Policy, Record};
use batch::{Batch, View};
use errors::{explain_read, explain_write};
use expiry::{ExpiryScan, Surroundings};
use lmdb::{Database, RwTransaction, Transaction as _};
use open::File;
use reading::Reading;
use replaced::Watch;
use rows::{put, stored_key};
use std::mem;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use table_map::TableMap;
use write_behind::{Place, WriteBehind};

pub use super::Table;

/// The file's name inside the database directory.
pub const FILE_NAME: &str = "postgrey.mdb";

/// The table of the metadata.
const META: &str = "meta";

/// The pause after a failure before the file is opened again. Until then every
/// batch fails at once, because a failing disk is slow to report it.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The tables that hold records.
#[derive(Clone, Copy, Debug)]
struct Tables {
    triplets: Database,
    clients: Database,
}

impl Tables {
    fn database(self, table: Table) -> Database {
        match table {
            Table::Triplets => self.triplets,
            Table::Clients => self.clients,
        }
    }
}

/// The local backend. After a failure the file is closed and opened again, because
/// LMDB refuses all work after some errors and has a wrong view of the file after
/// others.
pub struct Store {
    /// Open, unless it could not be opened again.
    file: Option<File>,
    failure: Option<Failure>,
    queue: Vec<(Ticket, Task)>,
    batch: Batch,
    write_behind: WriteBehind,
    expiry: ExpiryScan,
    watch: Watch,
    path: PathBuf,
    metadata: Metadata,
}

/// The last failure, and its time.
#[derive(Debug)]
struct Failure {
    error: Error,
    moment: Instant,
}

impl Failure {
    fn new(error: Error) -> Failure {
        Failure { error, moment: Instant::now() }
    }
}

impl Store {
    /// Opens the database in a directory, or creates it. The metadata is written
    /// to it; where it is empty the file keeps its own.
    ///
    /// # Errors
    /// When the file cannot be opened or is not a database of this program; the
    /// text names the file and what to do. The file is left as it was.
    pub fn open(directory: &Path, metadata: Metadata) -> Result<Store, Error> {
        let path = directory.join(FILE_NAME);
        let file = Some(File::open(&path, &metadata)?);
        Ok(Store {
            file,
            failure: None,
            queue: Vec::new(),
            batch: Batch::default(),
            write_behind: WriteBehind::default(),
            expiry: ExpiryScan::default(),
            watch: Watch::default(),
            path,
            metadata,
        })
    }

    /// Lets all records wait for the disk for at most this long (`--sync`): there
    /// are fewer commits, and what was answered meanwhile may be lost. With zero
    /// only those wait that no decision depends on.
    pub fn writing_within(mut self, delay: Duration) -> Store {
        if !delay.is_zero() {
            self.write_behind.set_delay(delay);
        }
        self
    }

    /// Makes an administrator's changes at `now`, in seconds since the epoch.
    /// Returns the number of those that changed a record.
    ///
    /// # Errors
    /// When the database fails.
    pub fn edit(&mut self, policy: &Policy, edits: Vec<Edit>, now: i64) -> Result<usize, Error> {
        let mut completed = Vec::with_capacity(1);
        self.submit(Ticket(0), Task::Edit(edits, now));
        self.decide(policy, &mut completed);
        self.commit(&mut completed)?;
        match completed.pop() {
            Some(Completed::Edited(_, result)) => result,
            _ => Ok(0),
        }
    }

    /// The record of a key, with changes that wait for the disk.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn record(&mut self, table: Table, key: &[u8]) -> Result<Option<Record>, Error> {
        let Store { file, failure, batch, write_behind, path, .. } = self;
        let file = open_file(file, failure)?;
        View::new(batch, write_behind, file, path).record(table, key)
    }

    /// Opens the file again after a failure, or when its map is too small.
    fn open_again_if_needed(&mut self) {
        let is_needed = match &self.failure {
            Some(failure) => failure.moment.elapsed() >= RETRY_PAUSE,
            None => self.file.as_ref().is_some_and(|file| !file.has_room()),
        };
        if is_needed && !self.watch.has_only_copy() {
            self.open_again();
        }
    }

    fn open_again(&mut self) {
        // A process must not have a file of LMDB open twice.
        self.file = None;
        match File::open(&self.path, &self.metadata) {
            Ok(file) => {
                self.file = Some(file);
                self.failure = None;
            }
            Err(error) => self.failure = Some(Failure::new(error)),
        }
    }

    /// Writes changes, together with the next records of the write-behind buffer
    /// and of the expiry scan, in one commit.
    fn write(&mut self, changes: &TableMap<Option<Record>>) -> Result<(), Error> {
        let result = self.try_write(changes);
        if result.is_err() {
            self.write_behind.postpone();
            self.expiry.forget();
        }
        result
    }

    fn try_write(&mut self, changes: &TableMap<Option<Record>>) -> Result<(), Error> {
        let file = open_file(&self.file, &self.failure)?;
        let start = Instant::now();
        let deferred = self.write_behind.next_batch(start);
        let deleted = file
            .environment
            .begin_rw_txn()
            .and_then(|writer| self.write_in(writer, file.tables, changes, &deferred));
        let deleted = deleted.map_err(|error| {
            let error = explain_write(&self.path, error);
            self.failure.insert(Failure::new(error)).error.clone()
        })?;
        file.witness.note_commit(&file.environment);
        for (table, key, _) in changes.iter() {
            self.write_behind.remove(table, key);
        }
        self.write_behind.written(deferred, Instant::now());
        self.expiry.note(&deleted, start.elapsed());
        Ok(())
    }

    /// Writes in a transaction and commits it. Returns the tables of the expired
    /// records that it deleted.
    fn write_in(
        &self,
        mut writer: RwTransaction<'_>,
        tables: Tables,
        changes: &TableMap<Option<Record>>,
        deferred: &[Place],
    ) -> Result<Vec<Table>, lmdb::Error> {
        let has_newer = |table, key: &[u8]| {
            changes.get(table, key).is_some() || self.write_behind.get(table, key).is_some()
        };
        let deleted = self.expiry.delete(&mut writer, tables, has_newer)?;
        for (table, key) in deferred {
            // A deferred record is older than a change of the batch.
            let is_newest = changes.get(*table, key).is_none();
            if let Some(record) = self.write_behind.get(*table, key).filter(|_| is_newest) {
                put(&mut writer, tables.database(*table), key, &record.text())?;
            }
        }
        for (table, key, record) in changes.iter() {
            let database = tables.database(table);
            match record {
                Some(record) => put(&mut writer, database, key, &record.text())?,
                None => match writer.del(database, &stored_key(key), None) {
                    Ok(()) | Err(lmdb::Error::NotFound) => {}
                    Err(error) => return Err(error),
                },
            }
        }
        writer.commit()?;
        Ok(deleted)
    }
}

/// The file, as long as nothing has failed.
fn open_file<'s>(file: &'s Option<File>, failure: &Option<Failure>) -> Result<&'s File, Error> {
    match (failure, file) {
        (Some(failure), _) => Err(failure.error.clone()),
        (None, file) => Ok(file.as_ref().expect("a file that failed to open is a failure")),
    }
}

impl Store {
    fn reading(&mut self) -> Result<Reading<'_>, Error> {
        self.look_at_file();
        let file = open_file(&self.file, &self.failure)?;
        Ok(Reading { environment: &file.environment, path: &self.path })
    }
}

impl Inspect for Store {
    fn metadata(&mut self) -> Result<Metadata, Error> {
        self.reading()?.metadata()
    }

    fn totals(&mut self) -> Result<Totals, Error> {
        self.reading()?.totals()
    }

    fn record(&mut self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.reading()?.record(table, key)
    }

    fn slice(
        &mut self,
        table: Table,
        prefix: &[u8],
        position: Option<&[u8]>,
    ) -> Result<Slice, Error> {
        self.reading()?.slice(table, prefix, position)
    }
}

impl Backend for Store {
    fn submit(&mut self, ticket: Ticket, task: Task) {
        self.queue.push((ticket, task));
    }

    fn decide(&mut self, policy: &Policy, completed: &mut Vec<Completed>) {
        if self.queue.is_empty() {
            return;
        }
        self.look_at_file();
        self.open_again_if_needed();
        let Store { file, failure, queue, batch, write_behind, path, .. } = self;
        let mut view =
            open_file(file, failure).map(|file| View::new(batch, write_behind, file, path));
        for (ticket, task) in queue.drain(..) {
            let result = match &mut view {
                Ok(view) => view.run(policy, ticket, &task),
                Err(error) => Err(error.clone()),
            };
            match result {
                Ok(None) => {}
                Ok(Some(done)) => completed.push(done),
                Err(error) => {
                    // The first failure ends the batch; its commit fails as well.
                    view = Err(error.clone());
                    completed.push(Completed::failed(ticket, &task, error));
                }
            }
        }
        if let (Err(error), None) = (view, &failure) {
            *failure = Some(Failure::new(error));
        }
    }

    fn commit(&mut self, completed: &mut Vec<Completed>) -> Result<bool, Error> {
        let Batch { changes, waiting } = mem::take(&mut self.batch);
        if changes.is_empty() {
            return Ok(false);
        }
        let result = self.write(&changes);
        completed.extend(waiting.into_iter().map(|task| task.after(&result)));
        result.map(|()| true)
    }

    fn deadline(&self) -> Option<Instant> {
        self.write_behind.due().into_iter().chain(self.expiry.due()).min()
    }

    fn run_due(&mut self) -> Result<bool, Error> {
        if self.write_behind.is_empty() && !self.expiry.has_old_rows() {
            return Ok(false);
        }
        self.look_at_file();
        self.open_again_if_needed();
        self.write(&TableMap::default()).map(|()| true)
    }

    fn flush(&mut self) -> Result<bool, Error> {
        self.write_behind.flush_all();
        self.run_due()
    }

    fn failure(&self) -> Option<String> {
        match &self.failure {
            Some(failure) => Some(failure.error.to_string()),
            None => self.write_behind.is_refused().then(|| "the last commit failed".to_owned()),
        }
    }

    fn size(&self) -> StateSize {
        self.measure()
    }

    fn expire(&mut self, lifetimes: &Lifetimes, now: i64) -> Result<Option<ExpirySlice>, Error> {
        self.look_at_file();
        let Some(file) = self.file.as_ref().filter(|_| self.failure.is_none()) else {
            // The next batch tries to open it again.
            return Ok(Some(ExpirySlice::default()));
        };
        let Store { write_behind, expiry, path, .. } = self;
        let around = Surroundings { file, waiting: write_behind, lifetimes, now };
        expiry.look(&around).map(Some).map_err(|error| explain_read(path, error))
    }

    fn take_expiry_pass(&mut self) -> Option<ExpiryPass> {
        self.expiry.take_pass()
    }

    fn check(&mut self) -> Option<String> {
        self.look_at_file();
        self.watch.take_remark()
    }

    fn settle(&mut self) -> u64 {
        self.write_behind.settle(Instant::now())
    }

    fn has_settled(&self, number: u64) -> bool {
        self.write_behind.has_ended(number)
    }
}

#[cfg(test)]
mod tests;
