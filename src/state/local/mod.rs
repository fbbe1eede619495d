//! The database on disk: LMDB, behind [`Store`] and [`Turn`].
//!
//! The only room that knows the `lmdb` crate. One process writes (the daemon
//! holds the lock of the directory), in one thread, in one transaction a turn
//! of its loop; readers elsewhere never wait for it, nor it for them.

mod check;
mod copy;
mod create;
mod expiry;
mod free_pages;
mod head;
mod open;
mod pages;
mod reader;
mod rows;
mod stats;
mod structure;
mod turn;
mod write_behind;

pub use check::{Findings, check};
pub use copy::copy;
pub use reader::{Reader, Size};
pub use stats::Figures;
pub use structure::Looked;
pub use turn::Turn;

use super::{Error, ExpiryPass, ExpirySlice, Lifetimes, Metadata};
use expiry::{ExpiryScan, Surroundings};
use lmdb::Database;
use open::{File, explain_read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use write_behind::WriteBehind;

pub use super::Table;

/// The file's name inside the database directory.
pub const FILE_NAME: &str = "postgrey.mdb";

/// The table of what the daemon notes.
const META: &str = "meta";

/// How long a database that failed is left alone before the next try. Until
/// then all turns fail at once: a disk in trouble is slow to say so.
const PAUSE: Duration = Duration::from_secs(1);

/// The tables of the database that hold rows.
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

/// An open database. It survives what its disk does to it: after a failure the
/// file is closed and opened anew, because LMDB refuses all work for ever once
/// some things have failed, and has lost its view of the file after others.
pub struct Store {
    /// Open, unless it could not be opened again.
    file: Option<File>,
    failure: Option<Failure>,
    waiting: WriteBehind,
    walk: ExpiryScan,
    path: PathBuf,
    notes: Metadata,
}

/// What went wrong last, and when.
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
    /// Opens the database in a directory, or makes it. `notes` are kept in it for
    /// reports and tools; empty ones leave the file's own.
    ///
    /// # Errors
    /// When the file cannot be opened or is no database of this program; the
    /// text names the file and what to do. The file is left as it was.
    pub fn open(directory: &Path, notes: Metadata) -> Result<Store, Error> {
        let path = directory.join(FILE_NAME);
        let file = Some(File::open(&path, &notes)?);
        let (waiting, walk) = (WriteBehind::default(), ExpiryScan::default());
        Ok(Store { file, failure: None, waiting, walk, path, notes })
    }

    /// Lets all rows wait for the disk, for so long at most: what was told of
    /// them may be lost until then, but commits are fewer (`--sync`). Zero
    /// keeps it at those that no decision depends on.
    pub fn writing_within(mut self, patience: Duration) -> Store {
        if !patience.is_zero() {
            self.waiting.be_patient(patience);
        }
        self
    }

    /// Begins a turn.
    pub fn begin(&mut self) -> Turn<'_> {
        let is_cramped = self.file.as_ref().is_some_and(|file| !file.has_room());
        let is_worth_a_try = match &self.failure {
            Some(failure) => failure.moment.elapsed() >= PAUSE,
            None => is_cramped,
        };
        if is_worth_a_try {
            self.open_again();
        }
        let Store { file, failure, waiting, walk, path, .. } = self;
        Turn::new(file.as_ref(), failure, waiting, walk, path)
    }

    /// Looks for at most a millisecond whether the next rows are too old at
    /// `now`, in seconds since the epoch. Those that are go with the next
    /// commit, or when [`Store::due`] says so.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn look(&mut self, lifetimes: &Lifetimes, now: i64) -> Result<ExpirySlice, Error> {
        let Some(file) = self.file.as_ref().filter(|_| self.failure.is_none()) else {
            // The next turn tries to open it anew.
            return Ok(ExpirySlice::default());
        };
        let Store { waiting, walk, path, .. } = self;
        let around = Surroundings { file, waiting, lifetimes, now };
        walk.look(&around).map_err(|error| explain_read(path, error))
    }

    /// What the looks have come to, once they have been at all rows and what
    /// was too old is gone. The next look is at the first rows again.
    pub fn take_lap(&mut self) -> Option<ExpiryPass> {
        self.walk.take_lap()
    }

    /// When what waits for a commit has to be written.
    pub fn due(&self) -> Option<Instant> {
        self.waiting.due().into_iter().chain(self.walk.due()).min()
    }

    /// Whether the last commit failed.
    pub fn is_failing(&self) -> bool {
        self.waiting.is_refused()
    }

    /// Writes a share of what is due ([`Store::due`]). Gives whether anything was
    /// written.
    ///
    /// # Errors
    /// When the database cannot be written; the rows go on waiting.
    pub fn write_due(&mut self) -> Result<bool, Error> {
        if self.waiting.is_empty() && !self.walk.has_old_rows() {
            return Ok(false);
        }
        let mut turn = self.begin();
        // A failure is remembered by the turn and comes back from the commit.
        let _ = turn.writer();
        turn.commit()
    }

    /// Lets what waits now be written soon, share by share ([`Store::due`]).
    /// Gives a number for [`Store::has_settled`].
    pub fn settle(&mut self) -> u64 {
        self.waiting.settle(Instant::now())
    }

    /// Whether what waited when the number was given is on disk.
    pub fn has_settled(&self, number: u64) -> bool {
        self.waiting.has_ended(number)
    }

    /// Writes all that waits, in one commit. Gives whether anything did.
    ///
    /// # Errors
    /// When the database cannot be written; the rows go on waiting.
    pub fn flush(&mut self) -> Result<bool, Error> {
        self.waiting.hurry();
        self.write_due()
    }

    fn open_again(&mut self) {
        // The old one first: a process must not have a file of LMDB open twice.
        self.file = None;
        match File::open(&self.path, &self.notes) {
            Ok(file) => {
                self.file = Some(file);
                self.failure = None;
            }
            Err(error) => self.failure = Some(Failure::new(error)),
        }
    }
}

#[cfg(test)]
mod tests;
