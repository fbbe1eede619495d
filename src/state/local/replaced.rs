//! The file of an open database, which other programs can delete, replace, cut off
//! or overwrite. LMDB notices none of it: it would write to a file without a name,
//! or end the process by a signal at the first page that is missing.

use super::Store;
use super::create::{finish, unfinished};
use super::errors::{explain_write, of_system};
use lmdb::Environment;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Seek};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The pause after records could not be written to a new file.
const RETRY_PAUSE: Duration = Duration::from_secs(60);

/// A change of the file by another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Deleted,
    Replaced,
    CutOff,
    Overwritten,
}

impl Change {
    fn name(self) -> &'static str {
        match self {
            Change::Deleted => "deleted",
            Change::Replaced => "replaced",
            Change::CutOff => "cut off",
            Change::Overwritten => "overwritten",
        }
    }

    /// The daemon's response.
    fn action(self, path: &Path) -> String {
        match self {
            Change::Deleted => {
                "all records were written to a new file (postgrey clear deletes them)".to_owned()
            }
            Change::Replaced => format!(
                "all records were written to a new file, and the other file is now {} (postgrey \
                 restore imports one)",
                replaced(path).display()
            ),
            Change::CutOff | Change::Overwritten => {
                "it was opened again as it is now (postgrey restore imports a copy)".to_owned()
            }
        }
    }
}

/// The file that LMDB has open, as this process last wrote it.
pub struct Witness {
    file: fs::File,
    length: AtomicU64,
    version: AtomicU64,
}

impl Witness {
    /// The file at a path, which LMDB has just opened.
    pub fn new(path: &Path, environment: &Environment) -> io::Result<Witness> {
        let file = fs::File::open(path)?;
        let length = AtomicU64::new(file.metadata()?.len());
        Ok(Witness { file, length, version: AtomicU64::new(version(environment)) })
    }

    /// Notes that this process has written to the file.
    pub fn note_commit(&self, environment: &Environment) {
        if let Ok(open) = self.file.metadata() {
            self.length.fetch_max(open.len(), Ordering::Release);
        }
        self.version.store(version(environment), Ordering::Relaxed);
    }

    /// Returns true if the file is shorter than it was: then a page that is missing must
    /// not be touched, and the map not be read.
    pub fn is_cut_off(&self) -> bool {
        self.look().is_ok_and(|(_, is_cut_off)| is_cut_off)
    }

    /// The metadata of the open file, and whether it is shorter than it was.
    fn look(&self) -> io::Result<(Metadata, bool)> {
        // In this order, because the writer makes the file longer meanwhile.
        let length = self.length.load(Ordering::Acquire);
        let open = self.file.metadata()?;
        let is_cut_off = open.len() < length;
        Ok((open, is_cut_off))
    }

    /// Returns true if another program has written to the file.
    pub fn is_overwritten(&self, environment: &Environment) -> bool {
        version(environment) != self.version.load(Ordering::Relaxed)
    }

    /// Compares the file with what it was.
    fn change(&self, path: &Path) -> Option<Change> {
        let (open, is_cut_off) = self.look().ok()?;
        if is_cut_off {
            return Some(Change::CutOff);
        }
        match fs::metadata(path) {
            Ok(found) if identity(&found) != identity(&open) => Some(Change::Replaced),
            Err(error) if error.kind() == ErrorKind::NotFound => Some(Change::Deleted),
            _ => None,
        }
    }

    /// Copies the file to a path, all or nothing. Between two transactions its
    /// bytes are a whole database.
    fn copy_to(&self, path: &Path) -> io::Result<()> {
        let unfinished = unfinished(path);
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut copy = options.write(true).create_new(true).mode(0o600).open(&unfinished)?;
        let mut open = &self.file;
        open.rewind()?;
        io::copy(&mut open, &mut copy)?;
        copy.sync_all()?;
        match fs::rename(path, replaced(path)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => finish(&unfinished, path),
        }
    }
}

/// The numbers of the last transaction and of the last page, in one.
fn version(environment: &Environment) -> u64 {
    let numbers =
        environment.info().map(|info| (info.last_txnid() as u64, info.last_pgno() as u64));
    numbers.map_or(0, |(transaction, page)| transaction.rotate_left(32) ^ page)
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// The new name of a file that was put in the database's place.
fn replaced(path: &Path) -> PathBuf {
    path.with_extension("mdb.replaced")
}

/// The message for the log, and the time to try a failed copy again.
#[derive(Debug, Default)]
pub struct Watch {
    retry: Option<Instant>,
    remark: Option<String>,
}

impl Watch {
    /// Returns true if the open file has no name and could not be copied, so that it
    /// must not be closed.
    pub fn has_only_copy(&self) -> bool {
        self.retry.is_some()
    }

    /// Returns what has happened to the file since the last call.
    pub fn take_remark(&mut self) -> Option<String> {
        self.remark.take()
    }
}

impl Store {
    /// Looks whether another program has changed the file; returns true if so. The
    /// records of a file that is gone from its path are written to a new one. A file that
    /// was written to is opened again.
    pub(super) fn look_at_file(&mut self) -> bool {
        let now = Instant::now();
        let Some(file) = self.file.clone() else { return false };
        let mut change = file.witness.change(&self.path);
        // The writer looks by itself whether another program has written.
        if change.is_none() && !self.writer.is_writing() && self.failure.is_none() {
            let is_overwritten = file.witness.is_overwritten(&file.environment);
            change = is_overwritten.then_some(Change::Overwritten);
        }
        let Some(change) = change else { return false };
        let is_gone = matches!(change, Change::Deleted | Change::Replaced);
        if is_gone && self.watch.retry.is_some_and(|retry| now < retry) {
            return false;
        }
        // The file is copied between two transactions. The sweep starts over.
        let _ = self.writer.wait();
        let (shown, name) = (self.path.display(), change.name());
        let copied = if is_gone { file.witness.copy_to(&self.path) } else { Ok(()) };
        drop(file);
        if let Err(error) = copied {
            let why = explain_write(&self.path, of_system(&error));
            let remark = format!("{shown} was {name} while the daemon runs; its records: {why}");
            self.watch = Watch { retry: Some(now + RETRY_PAUSE), remark: Some(remark) };
        } else {
            let action = change.action(&self.path);
            let remark = format!("{shown} was {name} while the daemon runs; {action}");
            self.watch = Watch { retry: None, remark: Some(remark) };
            self.open_again();
        }
        true
    }
}
