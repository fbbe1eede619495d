//! The database on disk: LMDB, behind [`Store`] and [`Turn`].
//!
//! The only file that knows the `lmdb` crate. One process writes (the daemon
//! holds the lock of the directory), in one thread, in one transaction a turn
//! of its loop; readers elsewhere never wait for it, nor it for them.

use super::refreshes::Refreshes;
use super::{Error, Passes, Seen, Transaction, Urgency};
use lmdb::{
    Database, DatabaseFlags, Environment, EnvironmentFlags, RoTransaction, RwTransaction,
    Transaction as _, WriteFlags,
};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The file's name inside the database directory.
pub const FILE_NAME: &str = "postgrey.mdb";

/// The layout of the file that this program reads and writes.
const FORMAT: &[u8] = b"1";

/// Bytes that the map always has to spare, so that no turn can fill it: a turn
/// rewrites at most a few thousand pages.
const HEADROOM: usize = 64 << 20;

/// The longest key that is stored as it is. LMDB takes 511 bytes; keys of
/// exactly that length are the shortened ones, so the two kinds cannot meet.
const LONGEST_PLAIN_KEY: usize = 510;

/// How much of a longer key stays readable: with a NUL and 40 digits, 511.
const READABLE_PREFIX: usize = 470;

/// An open database.
pub struct Store {
    environment: Environment,
    triplets: Database,
    clients: Database,
    refreshes: Refreshes,
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
        refuse_truncated(&path)?;
        let explain = |error| explain_open(&path, error);
        let environment = Environment::new()
            // Without a thread-bound reader, a turn may read and then write.
            .set_flags(EnvironmentFlags::NO_SUB_DIR | EnvironmentFlags::NO_TLS)
            .set_max_dbs(3)
            .set_map_size(2 * HEADROOM)
            .open_with_permissions(&path, 0o600)
            .map_err(explain)?;
        let meta = environment.create_db(Some("meta"), DatabaseFlags::empty()).map_err(explain)?;
        check_format(&environment, meta, &path)?;
        let triplets =
            environment.create_db(Some("triplets"), DatabaseFlags::empty()).map_err(explain)?;
        let clients =
            environment.create_db(Some("clients"), DatabaseFlags::empty()).map_err(explain)?;
        note_meta(&environment, meta, keys).map_err(explain)?;
        Ok(Store { environment, triplets, clients, refreshes: Refreshes::default(), path })
    }

    /// Begins a turn.
    pub fn begin(&mut self) -> Turn<'_> {
        let failure = self.make_room().err();
        Turn {
            environment: &self.environment,
            triplets: self.triplets,
            clients: self.clients,
            refreshes: &mut self.refreshes,
            path: &self.path,
            reader: None,
            writer: None,
            uncommitted: HashSet::new(),
            is_unsettled: false,
            failure,
        }
    }

    /// When the rows that wait for a commit have to be written.
    pub fn due(&self) -> Option<Instant> {
        self.refreshes.due()
    }

    /// Writes the rows that wait, if any.
    ///
    /// # Errors
    /// When the database cannot be written; the rows go on waiting.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.refreshes.is_empty() {
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

/// One turn of the loop: a view of the database and, from the first write on,
/// a transaction. Dropped without [`Turn::commit`], its writes are undone.
///
/// The first failure ends the transaction: all later writes of the turn, and
/// its commit, fail with it.
pub struct Turn<'store> {
    environment: &'store Environment,
    triplets: Database,
    clients: Database,
    refreshes: &'store mut Refreshes,
    path: &'store Path,
    reader: Option<RoTransaction<'store>>,
    writer: Option<RwTransaction<'store>>,
    uncommitted: HashSet<(Table, Vec<u8>)>,
    is_unsettled: bool,
    failure: Option<Error>,
}

/// A table of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Table {
    Triplets,
    Clients,
}

impl<'store> Turn<'store> {
    /// Whether what was read or written since the last call is only true once
    /// the turn is committed, so that nobody may be told before.
    pub fn take_unsettled(&mut self) -> bool {
        std::mem::take(&mut self.is_unsettled)
    }

    /// Makes the turn's writes durable, and the waiting rows with them.
    /// Without any write it does nothing.
    ///
    /// # Errors
    /// When the disk does not take them: none of the turn's writes are kept,
    /// and the waiting rows go on waiting.
    pub fn commit(mut self) -> Result<(), Error> {
        let result = self.try_commit();
        if result.is_err() {
            self.refreshes.postpone();
        }
        result
    }

    fn try_commit(&mut self) -> Result<(), Error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let Some(mut writer) = self.writer.take() else {
            return Ok(());
        };
        let explain = |error| explain_write(self.path, error);
        for (key, seen) in self.refreshes.iter() {
            put(&mut writer, self.triplets, key, &seen.text()).map_err(explain)?;
        }
        writer.commit().map_err(explain)?;
        self.refreshes.clear();
        Ok(())
    }

    fn writer(&mut self) -> Result<&mut RwTransaction<'store>, Error> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.writer.is_none() {
            // A reader of the same age would keep pages from being used again.
            self.reader = None;
            match self.environment.begin_rw_txn() {
                Ok(writer) => self.writer = Some(writer),
                Err(error) => return Err(self.fail(error)),
            }
        }
        Ok(self.writer.as_mut().expect("begun above"))
    }

    fn fail(&mut self, error: lmdb::Error) -> Error {
        self.writer = None;
        self.failure.insert(explain_write(self.path, error)).clone()
    }

    fn database(&self, table: Table) -> Database {
        match table {
            Table::Triplets => self.triplets,
            Table::Clients => self.clients,
        }
    }

    fn row(&mut self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, Error> {
        self.is_unsettled |= self.is_uncommitted(table, key);
        let (database, path) = (self.database(table), self.path);
        let key = stored_key(key);
        let row = if let Some(writer) = &self.writer {
            writer.get(database, &key.as_ref())
        } else {
            if self.reader.is_none() {
                let reader = self.environment.begin_ro_txn();
                self.reader = Some(reader.map_err(|error| explain_read(path, error))?);
            }
            self.reader.as_ref().expect("begun above").get(database, &key.as_ref())
        };
        match row {
            Ok(row) => Ok(Some(row)),
            Err(lmdb::Error::NotFound) => Ok(None),
            Err(error) => Err(explain_read(path, error)),
        }
    }

    fn put_row(&mut self, table: Table, key: &[u8], text: &str) -> Result<(), Error> {
        let database = self.database(table);
        let result = put(self.writer()?, database, key, text);
        result.map_err(|error| self.fail(error))?;
        self.uncommitted.insert((table, key.to_vec()));
        self.is_unsettled = true;
        Ok(())
    }

    fn is_uncommitted(&self, table: Table, key: &[u8]) -> bool {
        !self.uncommitted.is_empty() && self.uncommitted.contains(&(table, key.to_vec()))
    }
}

impl Transaction for Turn<'_> {
    fn triplet(&mut self, key: &[u8]) -> Result<Option<Seen>, Error> {
        if let Some(seen) = self.refreshes.get(key) {
            return Ok(Some(seen));
        }
        Ok(self.row(Table::Triplets, key)?.and_then(Seen::parse))
    }

    fn put_triplet(&mut self, key: &[u8], seen: Seen, urgency: Urgency) -> Result<(), Error> {
        if urgency == Urgency::Soon && !self.is_uncommitted(Table::Triplets, key) {
            self.refreshes.put(key, seen);
            return Ok(());
        }
        self.put_row(Table::Triplets, key, &seen.text())?;
        self.refreshes.remove(key);
        Ok(())
    }

    fn client(&mut self, key: &[u8]) -> Result<Option<Passes>, Error> {
        Ok(self.row(Table::Clients, key)?.and_then(Passes::parse))
    }

    fn put_client(&mut self, key: &[u8], passes: Passes) -> Result<(), Error> {
        self.put_row(Table::Clients, key, &passes.text())
    }
}

fn put(
    writer: &mut RwTransaction<'_>,
    database: Database,
    key: &[u8],
    text: &str,
) -> Result<(), lmdb::Error> {
    match stored_key(key) {
        Cow::Borrowed(key) => writer.put(database, &key, &text, WriteFlags::empty()),
        Cow::Owned(short) => {
            let row = [text.as_bytes(), b"\0", key].concat();
            writer.put(database, &short, &row, WriteFlags::empty())
        }
    }
}

/// The key as the file has it: one that is too long for LMDB keeps a readable
/// start and is told apart by its hash. Its row then holds the whole key.
fn stored_key(key: &[u8]) -> Cow<'_, [u8]> {
    if key.len() <= LONGEST_PLAIN_KEY {
        return Cow::Borrowed(key);
    }
    let mut short = key[..READABLE_PREFIX].to_vec();
    short.push(0);
    short.extend_from_slice(sha1_smol::Sha1::from(key).digest().to_string().as_bytes());
    Cow::Owned(short)
}

/// LMDB maps what its first pages promise; reading past the end of a file that
/// was cut off would kill the process by a signal.
fn refuse_truncated(path: &Path) -> Result<(), Error> {
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(());
    };
    let length = metadata.len();
    if length == 0 {
        return Ok(());
    }
    let environment = Environment::new()
        .set_flags(
            EnvironmentFlags::NO_SUB_DIR | EnvironmentFlags::READ_ONLY | EnvironmentFlags::NO_LOCK,
        )
        .open(path)
        .map_err(|error| explain_open(path, error))?;
    let explain = |error| explain_open(path, error);
    let pages = environment.info().map_err(explain)?.last_pgno() as u64 + 1;
    let promised = pages * u64::from(environment.stat().map_err(explain)?.page_size());
    if length < promised {
        return Err(Error::new(format!(
            "{} is cut off: it should have {promised} bytes and has {length}; {START_AFRESH}",
            path.display()
        )));
    }
    Ok(())
}

fn check_format(environment: &Environment, meta: Database, path: &Path) -> Result<(), Error> {
    let explain = |error| explain_open(path, error);
    let transaction = environment.begin_ro_txn().map_err(explain)?;
    match transaction.get(meta, b"format") {
        Ok(FORMAT) | Err(lmdb::Error::NotFound) => Ok(()),
        Ok(other) => Err(Error::new(format!(
            "{} has format {}, which this version does not know: a newer postgrey wrote it; \
             start that one, or {START_AFRESH}",
            path.display(),
            other.escape_ascii()
        ))),
        Err(error) => Err(explain(error)),
    }
}

fn note_meta(environment: &Environment, meta: Database, keys: &str) -> Result<(), lmdb::Error> {
    let mut writer = environment.begin_rw_txn()?;
    writer.put(meta, b"format", &FORMAT, WriteFlags::empty())?;
    writer.put(meta, b"keys", &keys, WriteFlags::empty())?;
    writer.commit()
}

const START_AFRESH: &str =
    "to start with an empty database, move this file and its -lock file away";

fn explain_open(path: &Path, error: lmdb::Error) -> Error {
    let path = path.display();
    Error::new(match error {
        lmdb::Error::Invalid | lmdb::Error::VersionMismatch | lmdb::Error::Corrupted => {
            format!("{path} is not a database of this program, or is damaged; {START_AFRESH}")
        }
        error => format!("can't open database {path}: {}", describe(error)),
    })
}

fn explain_read(path: &Path, error: lmdb::Error) -> Error {
    Error::new(format!("can't read database {}: {}", path.display(), describe(error)))
}

fn explain_write(path: &Path, error: lmdb::Error) -> Error {
    Error::new(format!("can't write database {}: {}", path.display(), describe(error)))
}

fn describe(error: lmdb::Error) -> String {
    match error {
        lmdb::Error::Other(code) => nix::errno::Errno::from_raw(code).desc().to_string(),
        error => error.to_string(),
    }
}

#[cfg(test)]
#[path = "lmdb_tests.rs"]
mod tests;
