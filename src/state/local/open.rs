//! Opening the file, and what can be wrong with it.

use super::create::create_if_missing;
use super::errors::{START_AFRESH, explain_open, of_system};
use super::free_pages::free_list;
use super::replaced::Witness;
use super::{META, Tables, head};
use crate::state::{Error, Metadata, Table};
use lmdb::{Database, DatabaseFlags, Environment, EnvironmentFlags, Transaction as _, WriteFlags};
use nix::fcntl::{OFlag, posix_fallocate};
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The layout of the file that this program reads and writes.
pub const FORMAT: &[u8] = b"1";

/// Bytes that the map always has to spare, so that no turn can fill it: a turn
/// rewrites at most a few thousand pages.
pub const HEADROOM: usize = 64 << 20;

/// Size of LMDB's lock file, in bytes: 126 readers and a head.
const LOCK_FILE_SIZE: i64 = 8192;

/// The open file.
pub struct File {
    pub environment: Environment,
    pub tables: Tables,
    pub witness: Witness,
    /// The table of the metadata.
    pub meta: Database,
}

impl File {
    /// Opens a file, or makes it, with a map twice as large as the file and
    /// room to spare.
    pub fn open(path: &Path, notes: &Metadata) -> Result<File, Error> {
        create_if_missing(path)?;
        refuse_damaged(path)?;
        let length = refuse_truncated(path)?;
        reserve_lock_file(path)?;
        let explain = |error| explain_open(path, error);
        let environment = Environment::new()
            // Without a thread-bound reader, a turn may read and then write.
            .set_flags(
                EnvironmentFlags::NO_SUB_DIR
                    | EnvironmentFlags::NO_TLS
                    | EnvironmentFlags::NO_META_SYNC,
            )
            .set_max_dbs(3)
            .set_map_size(2 * (length + HEADROOM))
            .open_with_permissions(path, 0o600)
            .map_err(explain)?;
        let table = |name| environment.create_db(Some(name), DatabaseFlags::empty());
        let meta = table(META).map_err(explain)?;
        check_format(&environment, meta, path)?;
        note_meta(&environment, meta, notes).map_err(explain)?;
        let triplets = table(Table::Triplets.name()).map_err(explain)?;
        let clients = table(Table::Clients.name()).map_err(explain)?;
        let witness = Witness::new(path, &environment);
        let witness = witness.map_err(|error| explain(of_system(&error)))?;
        Ok(File { environment, tables: Tables { triplets, clients }, meta, witness })
    }

    /// Returns true if the map is large enough for a turn. It never grows while it is
    /// open: if there is no address space for a larger one, LMDB has given the
    /// old one away already.
    pub fn has_room(&self) -> bool {
        let (Ok(info), Ok(stat)) = (self.environment.info(), self.environment.stat()) else {
            return false;
        };
        let used = (info.last_pgno() + 1) * stat.page_size() as usize;
        info.map_size() >= used + HEADROOM
    }
}

fn refuse_damaged(path: &Path) -> Result<(), Error> {
    match fs::File::open(path).and_then(|file| head::check(&file)) {
        Ok(()) => Ok(()),
        // A page is missing: how much is cut off is found out next.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(()),
        Err(error) => Err(explain_open(
            path,
            match error.raw_os_error() {
                Some(code) => lmdb::Error::Other(code),
                None => lmdb::Error::Invalid,
            },
        )),
    }
}

/// LMDB maps what its first pages promise; reading past the end of a file that
/// was cut off would kill the process by a signal. Gives the length in bytes.
pub fn refuse_truncated(path: &Path) -> Result<usize, Error> {
    let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
    if length == 0 {
        return Ok(0);
    }
    let environment = Environment::new()
        .set_flags(
            EnvironmentFlags::NO_SUB_DIR | EnvironmentFlags::READ_ONLY | EnvironmentFlags::NO_LOCK,
        )
        .open(path)
        .map_err(|error| explain_open(path, error))?;
    let explain = |error| explain_open(path, error);
    // In a damaged file it may be any number.
    let pages = environment.info().map_err(explain)?.last_pgno().saturating_add(1);
    let page_size = environment.stat().map_err(explain)?.page_size() as usize;
    let promised = (pages as u64).saturating_mul(page_size as u64);
    if length < promised && !are_unused(path, page_size, length, pages) {
        return Err(Error::new(format!(
            "{} is cut off: it should have {promised} bytes and has {length}; {START_AFRESH}",
            path.display()
        )));
    }
    Ok(usize::try_from(length).unwrap_or(usize::MAX / 4))
}

/// Returns true if nothing is kept on the pages that a file does not have, up to but
/// not including page `end`.
fn are_unused(path: &Path, page_size: usize, length: u64, end: usize) -> bool {
    let whole = usize::try_from(length).unwrap_or(usize::MAX) / page_size;
    let free = fs::File::open(path).and_then(|file| free_list(&file, page_size));
    free.is_ok_and(|free| (whole..end).all(|page| free.contains(&page)))
}

/// LMDB writes to its lock file through memory; where the disk has no page for
/// that, the process would be killed by a signal. A FIFO there would block it.
fn reserve_lock_file(path: &Path) -> Result<(), Error> {
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    let path = PathBuf::from(name);
    let explain = |error| explain_open(&path, error);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.custom_flags(OFlag::O_NONBLOCK.bits()).open(&path);
    let file = file.map_err(|error| explain(of_system(&error)))?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(Error::new(format!("{} is not a regular file; move it away", path.display())));
    }
    posix_fallocate(&file, 0, LOCK_FILE_SIZE)
        .map_err(|error| explain(lmdb::Error::Other(error as i32)))
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

/// Notes the format and the rest, if the file does not say so yet: on a full
/// disk a database can be opened that has nothing to add. Who makes no keys of
/// his own has nothing to say of them.
fn note_meta(
    environment: &Environment,
    meta: Database,
    notes: &Metadata,
) -> Result<(), lmdb::Error> {
    let mut writer = environment.begin_rw_txn()?;
    let notes = notes.named().map(|(name, value)| (name, value.as_bytes()));
    let notes = notes.into_iter().filter(|(_, value)| !value.is_empty());
    for (name, value) in [("format", FORMAT)].into_iter().chain(notes) {
        if writer.get(meta, &name) != Ok(value) {
            writer.put(meta, &name, &value, WriteFlags::empty())?;
        }
    }
    writer.commit()
}
