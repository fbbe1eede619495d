//! The database on disk: LMDB, behind [`Store`] and [`Turn`].
//!
//! The only room that knows the `lmdb` crate. One process writes (the daemon
//! holds the lock of the directory), in one thread, in one transaction a turn
//! of its loop; readers elsewhere never wait for it, nor it for them.

mod open;
mod reader;
mod rows;
mod turn;

pub use reader::Reader;
pub use turn::Turn;

use super::Error;
use super::refreshes::Refreshes;
use lmdb::Database;
use open::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The file's name inside the database directory.
pub const FILE_NAME: &str = "postgrey.mdb";

/// How long a database that failed is left alone before the next try. Until
/// then all turns fail at once: a disk in trouble is slow to say so.
const PAUSE: Duration = Duration::from_secs(1);

/// The tables of the database that hold rows.
#[derive(Clone, Copy, Debug)]
struct Tables {
    triplets: Database,
    clients: Database,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// Triplets, with when they were seen.
    Triplets,
    /// Clients, with how often their mail passed.
    Clients,
}

impl Table {
    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Table::Triplets => "triplets",
            Table::Clients => "clients",
        }
    }
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
    refreshes: Refreshes,
    path: PathBuf,
    keys: String,
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
    /// Opens the database in a directory, or makes it. `keys` says how the
    /// daemon makes its keys and is kept in the file for reports and tools.
    ///
    /// # Errors
    /// When the file cannot be opened or is no database of this program; the
    /// text names the file and what to do. The file is left as it was.
    pub fn open(directory: &Path, keys: &str) -> Result<Store, Error> {
        let path = directory.join(FILE_NAME);
        let file = Some(File::open(&path, keys)?);
        let refreshes = Refreshes::default();
        Ok(Store { file, failure: None, refreshes, path, keys: keys.to_string() })
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
        Turn::new(self.file.as_ref(), &mut self.failure, &mut self.refreshes, &self.path)
    }

    /// When the rows that wait for a commit have to be written.
    pub fn due(&self) -> Option<Instant> {
        self.refreshes.due()
    }

    /// Writes the rows that wait. Gives whether there were any.
    ///
    /// # Errors
    /// When the database cannot be written; the rows go on waiting.
    pub fn flush(&mut self) -> Result<bool, Error> {
        if self.refreshes.is_empty() {
            return Ok(false);
        }
        let mut turn = self.begin();
        // A failure is remembered by the turn and comes back from the commit.
        let _ = turn.writer();
        turn.commit()
    }

    fn open_again(&mut self) {
        // The old one first: a process must not have a file of LMDB open twice.
        self.file = None;
        match File::open(&self.path, &self.keys) {
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
