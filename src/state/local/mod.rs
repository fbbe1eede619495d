//! The local backend: LMDB, behind [`Store`].
//!
//! The only directory that knows the `lmdb` crate. One process writes (the daemon
//! holds the lock of the directory): its event loop to the journal, a thread to LMDB.

mod batch;
mod buffer;
mod check;
mod copy;
mod create;
mod errors;
mod expiry;
mod free_pages;
mod head;
mod identity;
mod inspect;
mod journal;
mod open;
mod pages;
mod probe;
mod reader;
mod reading;
mod replaced;
mod replay;
mod rows;
mod schedule;
mod size;
mod structure;
mod table_map;
mod write;
mod writer;

pub use check::{Findings, check};
pub use copy::Copy;
pub use create::finish;
pub use reader::{Reader, is_lmdb, look_at_pages};
pub use structure::Looked;

use super::{
    Backend, Completed, Done, Error, ExpiryPass, ExpirySlice, Lifetimes, Metadata, StateSize, Task,
    Ticket,
};
use crate::greylist::edit::Edit;
use crate::greylist::{Policy, Record};
use batch::{Batch, View};
use buffer::Buffer;
use errors::explain_read;
use expiry::{ExpiryScan, Surroundings};
use journal::Journal;
use lmdb::Database;
use mio::{Registry, Token};
use open::File;
use replaced::Watch;
use schedule::Schedule;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use writer::Writer;

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
    file: Option<Arc<File>>,
    failure: Option<Failure>,
    queue: Vec<(Ticket, Task)>,
    batch: Batch,
    buffer: Buffer,
    journal: Journal,
    schedule: Schedule,
    writer: Writer,
    /// Changes of a sweep that are written in one transaction at most.
    slice: usize,
    /// The records of each table in LMDB before the sweep in progress.
    before_sweep: Option<[usize; 2]>,
    /// True if LMDB has to take records before the journal can.
    is_full: bool,
    /// Why the last sweep failed.
    sweep_error: Option<Error>,
    /// Lines for the log.
    notices: Vec<String>,
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
        let file = File::open(&path, &metadata)?;
        let known = identity::read(&file, &path)?;
        let (journal, replayed) = journal::open(journal::path_beside(&path), known)?;
        let mut store = Store {
            file: Some(Arc::new(file)),
            failure: None,
            queue: Vec::new(),
            batch: Batch::default(),
            buffer: Buffer::default(),
            journal,
            schedule: Schedule::new(),
            writer: Writer::default(),
            slice: usize::MAX,
            before_sweep: None,
            is_full: false,
            sweep_error: None,
            notices: Vec::new(),
            expiry: ExpiryScan::default(),
            watch: Watch::default(),
            path,
            metadata,
        };
        store.replay(replayed)?;
        Ok(store)
    }

    /// Prepares for a daemon: makes the journal now, not with the first record, writes
    /// sweeps in slices, and lets what was appended wait for the disk for at most this
    /// long (`--sync`): there are fewer waits, and what was answered meanwhile may be
    /// lost if the power fails. With zero nothing waits on which a decision depends.
    pub fn writing_within(mut self, delay: Duration) -> Store {
        self.schedule.set_sync_delay(delay);
        self.slice = write::SLICE;
        // On a full disk there is none, which is reported with the first record.
        let _ = self.ensure_journal();
        self
    }

    /// Makes an administrator's changes at `now`, in seconds since the epoch.
    /// Returns the number of those that changed a record.
    ///
    /// # Errors
    /// When the database fails.
    pub fn edit(&mut self, policy: &Policy, edits: Vec<Edit>, now: i64) -> Result<usize, Error> {
        let mut completed = Vec::with_capacity(1);
        self.submit(Ticket::Tool(0), Task::Edit(edits, now));
        self.decide(policy, &mut completed);
        self.commit(&mut completed)?;
        match completed.pop().map(|completed| completed.result) {
            Some(Ok(Done::Edited(changed))) => Ok(changed),
            Some(Err(error)) => Err(error),
            _ => Ok(0),
        }
    }

    /// The record of a key, with changes that wait for the disk.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn record(&mut self, table: Table, key: &[u8]) -> Result<Option<Record>, Error> {
        let Store { file, failure, batch, buffer, path, .. } = self;
        let file = open_file(file, failure)?;
        View::new(batch, buffer, file, path).record(table, key)
    }

    /// Opens the file again after a failure.
    fn open_again_if_needed(&mut self) {
        let is_due = |failure: &Failure| failure.moment.elapsed() >= RETRY_PAUSE;
        let is_needed = self.failure.as_ref().is_some_and(is_due);
        if is_needed && self.watch.has_only_copy() {
            // Not before it is copied, which is tried again after a pause as well.
            self.failure = self.failure.take().map(|failure| Failure::new(failure.error));
        } else if is_needed {
            self.open_again();
            if self.is_full && self.failure.is_none() {
                self.failure = self.make_room().err().map(Failure::new);
            }
        }
    }

    fn open_again(&mut self) {
        // A process must not have a file of LMDB open twice. The sweep starts over.
        let _ = self.writer.wait();
        self.file = None;
        match File::open(&self.path, &self.metadata) {
            Ok(file) => {
                self.file = Some(Arc::new(file));
                self.failure = self.note_identity().err().map(Failure::new);
            }
            Err(error) => self.failure = Some(Failure::new(error)),
        }
    }

    /// Lets a database that was put in place of another have the records of the
    /// journal.
    fn note_identity(&mut self) -> Result<(), Error> {
        let Some(identity) = self.journal.identity() else { return Ok(()) };
        let file = open_file(&self.file, &None)?;
        if identity::read(file, &self.path)?.is_some_and(|(found, _)| found == identity) {
            return Ok(());
        }
        let unswept = 1 + u64::from(!self.buffer.old().is_empty());
        identity::create(file, &self.path, identity, self.journal.generation() - unswept)
    }
}

/// The file, as long as nothing has failed.
fn open_file<'s>(
    file: &'s Option<Arc<File>>,
    failure: &Option<Failure>,
) -> Result<&'s Arc<File>, Error> {
    match (failure, file) {
        (Some(failure), _) => Err(failure.error.clone()),
        (None, file) => Ok(file.as_ref().expect("a file that failed to open is a failure")),
    }
}

impl Store {
    /// Takes note of the sweep if it has ended.
    fn look_at_writer(&mut self) {
        if let Some(ended) = self.writer.take_ended() {
            // A failure is reported with the notices.
            let _ = self.note_ended(ended);
        }
    }
}

impl Backend for Store {
    fn submit(&mut self, ticket: Ticket, task: Task) {
        self.queue.push((ticket, task));
    }

    fn decide(&mut self, policy: &Policy, completed: &mut Vec<Completed>) {
        self.look_at_writer();
        if self.queue.is_empty() {
            return;
        }
        self.look_at_file();
        self.open_again_if_needed();
        let Store { file, failure, queue, batch, buffer, path, .. } = self;
        let mut view = open_file(file, failure).map(|file| View::new(batch, buffer, file, path));
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
                    completed.push(Completed { ticket, result: Err(error) });
                }
            }
        }
        if let (Err(error), None) = (view, &failure) {
            *failure = Some(Failure::new(error));
        }
        let loose = self.buffer.loose().len();
        if loose > 0 {
            self.schedule.note_loose(loose, Instant::now());
        }
    }

    fn commit(&mut self, completed: &mut Vec<Completed>) -> Result<bool, Error> {
        let Batch { changes, waiting } = mem::take(&mut self.batch);
        if changes.is_empty() {
            return Ok(false);
        }
        let appended = self.append(changes);
        let is_durable = |Completed { ticket, result }| {
            let result = appended.clone().and(result);
            Completed { ticket, result }
        };
        completed.extend(waiting.into_iter().map(is_durable));
        appended.map(|()| true)
    }

    fn deadline(&self) -> Option<Instant> {
        let append = self.schedule.append_due(&self.buffer);
        // The writer wakes the loop.
        let is_idle = !self.writer.is_writing();
        let sweep = is_idle.then(|| self.schedule.sweep_due(&self.buffer, &self.journal));
        let due = append.into_iter().chain(sweep.flatten()).min();
        match &self.failure {
            Some(failure) => due.map(|due| due.max(failure.moment + RETRY_PAUSE)),
            None => due,
        }
    }

    fn run_due(&mut self) -> Result<bool, Error> {
        self.look_at_writer();
        self.look_at_file();
        self.open_again_if_needed();
        let now = Instant::now();
        let mut is_written = false;
        if self.schedule.is_sync_due(now) {
            self.sync_journal()?;
            is_written = true;
        }
        let has_loose = !self.buffer.loose().is_empty();
        if has_loose && (self.schedule.is_append_due(now) || self.schedule.is_settling()) {
            self.append_loose()?;
            is_written = true;
        }
        let sweep = self.schedule.sweep_due(&self.buffer, &self.journal);
        if !self.writer.is_writing() && sweep.is_some_and(|due| due <= now) {
            // If it fails, the records stay in the journal and mail is not affected.
            let _ = self.sweep();
        }
        Ok(is_written)
    }

    fn flush(&mut self) -> Result<bool, Error> {
        let is_needed = !self.buffer.is_empty();
        if is_needed {
            // The last chance is not left to a pause after a failure.
            self.look_at_file();
            if self.failure.is_some() {
                self.reopen();
            }
            self.append_loose()?;
            self.sweep_all()?;
        }
        self.sync_journal()?;
        Ok(is_needed)
    }

    fn failure(&self) -> Option<String> {
        let error = self.failure.as_ref().map(|failure| &failure.error);
        error.or(self.sweep_error.as_ref()).map(Error::to_string)
    }

    fn size(&self) -> StateSize {
        self.measure()
    }

    fn expire(&mut self, lifetimes: &Lifetimes, now: i64) -> Result<Option<ExpirySlice>, Error> {
        self.look_at_writer();
        self.look_at_file();
        let Some(file) = self.file.as_ref().filter(|_| self.failure.is_none()) else {
            // The next batch tries to open it again.
            return Ok(Some(ExpirySlice::default()));
        };
        let cost = self.schedule.sweep_duration();
        if self.expiry.begin() {
            self.expiry.note_sweep(self.schedule.settle(&self.buffer));
        }
        if !self.schedule.has_ended(self.expiry.sweep()) {
            return Ok(Some(ExpirySlice { is_full: true, cost, ..ExpirySlice::default() }));
        }
        let around = Surroundings { file, buffer: &mut self.buffer, lifetimes, now };
        let slice = self.expiry.look(around);
        let slice = slice.map_err(|error| explain_read(&self.path, error))?;
        if !self.buffer.loose().is_empty() {
            self.schedule.note_loose(self.buffer.loose().len(), Instant::now());
        }
        if self.expiry.wants_sweep() {
            self.expiry.note_sweep(self.schedule.settle(&self.buffer));
        }
        Ok(Some(ExpirySlice { cost, ..slice }))
    }

    fn take_expiry_pass(&mut self) -> Option<ExpiryPass> {
        self.schedule.has_ended(self.expiry.sweep()).then(|| self.expiry.take_pass())?
    }

    fn check(&mut self) -> Vec<String> {
        self.look_at_writer();
        self.look_at_file();
        if self.journal.is_lost() || !self.buffer.is_empty() && !self.journal.is_in_place() {
            // A failure is reported with the next record.
            let _ = self.ensure_journal();
        }
        let mut notices = mem::take(&mut self.notices);
        notices.extend(self.watch.take_remark());
        notices
    }

    fn settle(&mut self) -> u64 {
        self.schedule.settle(&self.buffer)
    }

    fn has_settled(&self, number: u64) -> bool {
        self.schedule.has_ended(number)
    }

    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.writer.register(registry, token)
    }
}

#[cfg(test)]
mod tests;
