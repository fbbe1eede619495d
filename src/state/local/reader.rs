//! A database file that is only read: a copy, or the daemon's own in search of
//! damage.

use super::errors::{explain_damage, explain_open};
use super::open::refuse_truncated;
use super::reading::{Reading, Rows};
use super::structure::{self, Looked};
use super::{FILE_NAME, Table, head};
use crate::state::{Error, Found, Inspect, Metadata, Query};
use lmdb::{Environment, EnvironmentFlags};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The bytes of an LMDB file after the header of its first page.
const MAGIC: [u8; 4] = 0xbeef_c0de_u32.to_ne_bytes();
const MAGIC_OFFSET: u64 = 16;

/// Returns true if a file is one of LMDB.
///
/// # Errors
/// When it cannot be read.
pub fn is_lmdb(path: &Path) -> io::Result<bool> {
    let mut magic = [0; 4];
    match File::open(path)?.read_exact_at(&mut magic, MAGIC_OFFSET) {
        Ok(()) => Ok(magic == MAGIC),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Looks at every page of a file, without LMDB; see `structure::look`.
///
/// # Errors
/// When a page is damaged or cannot be read; the text names it.
pub fn look_at_pages(path: &Path) -> Result<Looked, Error> {
    let look = || {
        let file = File::open(path)?;
        structure::look(&file, head::page_size(&file)?, None)
    };
    look().map_err(|error| explain_damage(path, &error.to_string()))
}

/// A database that is only read.
pub struct Reader {
    environment: Environment,
    path: PathBuf,
}

impl Reader {
    /// Opens the database in a directory.
    ///
    /// # Errors
    /// When there is none, or it is damaged or another program's; the text
    /// names the file and what to do.
    pub fn open(directory: &Path) -> Result<Reader, Error> {
        Reader::open_with(&directory.join(FILE_NAME), EnvironmentFlags::empty())
    }

    /// Opens a file that nothing writes to.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_copy(path: &Path) -> Result<Reader, Error> {
        Reader::open_with(path, EnvironmentFlags::NO_LOCK)
    }

    fn open_with(path: &Path, flags: EnvironmentFlags) -> Result<Reader, Error> {
        refuse_truncated(path)?;
        let usual =
            EnvironmentFlags::NO_SUB_DIR | EnvironmentFlags::READ_ONLY | EnvironmentFlags::NO_TLS;
        let environment = Environment::new()
            .set_flags(usual | flags)
            .set_max_dbs(3)
            .open(path)
            .map_err(|error| explain_open(path, error))?;
        Ok(Reader { environment, path: path.to_owned() })
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next rows of a table as the file has them: those after a key, or else
    /// the first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn rows(&self, table: Table, last: Option<&[u8]>) -> Result<Rows, Error> {
        self.reading().rows(table, b"", last)
    }

    pub fn reading(&self) -> Reading<'_> {
        Reading { environment: &self.environment, path: &self.path }
    }
}

impl Inspect for Reader {
    fn metadata(&mut self) -> Result<Metadata, Error> {
        self.reading().metadata()
    }

    fn read(&mut self, query: &Query) -> Result<Found, Error> {
        self.reading().read(query)
    }
}
