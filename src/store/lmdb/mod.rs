//! The database on disk: LMDB, behind [`Store`] and [`Turn`].
//!
//! The only room that knows the `lmdb` crate. One process writes (the daemon
//! holds the lock of the directory), in one thread, in one transaction a turn
//! of its loop; readers elsewhere never wait for it, nor it for them.

mod create;
mod free_pages;
mod open;
mod rows;
mod turn;
mod walk;

pub use turn::Turn;

use super::waiting::Waiting;
use super::{Error, Lap, Lifetimes, Look, Table};
use create::create_if_missing;
use lmdb::{Database, DatabaseFlags, Environment, EnvironmentFlags};
use open::{check_format, explain_open, explain_read, explain_write, note_meta, refuse_truncated};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use walk::{Surroundings, Walk};

/// The file's name inside the database directory.
pub const FILE_NAME: &str = "postgrey.mdb";

/// Bytes that the map always has to spare, so that no turn can fill it: a turn
/// rewrites at most a few thousand pages.
const HEADROOM: usize = 64 << 20;

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

/// An open database.
pub struct Store {
    environment: Environment,
    tables: Tables,
    waiting: Waiting,
    walk: Walk,
    path: PathBuf,
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
        create_if_missing(directory, &path)?;
        refuse_truncated(&path)?;
        let explain = |error| explain_open(&path, error);
        let environment = Environment::new()
            // Without a thread-bound reader, a turn may read and then write.
            .set_flags(EnvironmentFlags::NO_SUB_DIR | EnvironmentFlags::NO_TLS)
            .set_max_dbs(3)
            .set_map_size(2 * HEADROOM)
            .open_with_permissions(&path, 0o600)
            .map_err(explain)?;
        let table = |name| environment.create_db(Some(name), DatabaseFlags::empty());
        let meta = table("meta").map_err(explain)?;
        check_format(&environment, meta, &path)?;
        note_meta(&environment, meta, keys).map_err(explain)?;
        let triplets = table("triplets").map_err(explain)?;
        let clients = table("clients").map_err(explain)?;
        let tables = Tables { triplets, clients };
        Ok(Store { environment, tables, waiting: Waiting::default(), walk: Walk::default(), path })
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
        let failure = self.make_room().err();
        let Store { environment, tables, waiting, walk, path } = self;
        Turn::new(environment, *tables, waiting, walk, path, failure)
    }

    /// Looks for at most a millisecond whether the next rows are too old at
    /// `now`, in seconds since the epoch. Those that are go with the next
    /// commit, or when [`Store::due`] says so.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn look(&mut self, lifetimes: &Lifetimes, now: i64) -> Result<Look, Error> {
        let Store { environment, tables, waiting, walk, path } = self;
        let around = Surroundings { environment, tables: *tables, waiting, lifetimes, now };
        walk.look(&around).map_err(|error| explain_read(path, error))
    }

    /// What the looks have come to, once they have been at all rows and what
    /// was too old is gone. The next look is at the first rows again.
    pub fn take_lap(&mut self) -> Option<Lap> {
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

    /// Writes what waits, if anything does.
    ///
    /// # Errors
    /// When the database cannot be written; the rows go on waiting.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.waiting.is_empty() && !self.walk.has_old_rows() {
            return Ok(());
        }
        let mut turn = self.begin();
        // A failure is remembered by the turn and comes back from the commit.
        let _ = turn.writer();
        turn.commit()
    }

    fn make_room(&self) -> Result<(), Error> {
        let explain = |error| explain_write(&self.path, error);
        let info = self.environment.info().map_err(explain)?;
        // LMDB's page is the machine's; 64 KiB is the largest that is in use.
        let page_size = self.environment.stat().map_err(explain)?.page_size() as usize;
        let used = (info.last_pgno() + 1) * page_size;
        if info.map_size() < used + HEADROOM {
            let larger = (2 * info.map_size()).max(used + 2 * HEADROOM);
            self.environment.set_map_size(larger).map_err(explain)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
