//! What an administrator names as the source of an import.

use super::original;
use super::work::WorkDirectory;
use super::{Import, Report};
use crate::store::berkeley::{BerkeleyFile, OpenError};
use crate::store::dump::{self, Field};
use crate::store::lmdb::Store;
use crate::store::{Error, Table};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// Why an import cannot be done.
#[derive(Debug)]
pub enum Problem {
    /// The source cannot be read, or holds nothing that is understood.
    Source(String),
    /// The database failed.
    Database(Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Source(sentence) => f.write_str(sentence),
            Problem::Database(error) => error.fmt(f),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        Problem::Database(error)
    }
}

/// Merges what a directory or a file holds, or standard input for `-`, into
/// the database in `dbdir`.
///
/// # Errors
/// When the source cannot be read or is of no kind that is known, or when the
/// database does not take it. What was merged until then stays.
pub fn import(from: &Path, dbdir: &Path, store: &mut Store) -> Result<Report, Problem> {
    let mut import = Import::new(store, from.display().to_string());
    if from == Path::new("-") {
        let name = "standard input";
        import.report.from = name.to_string();
        let read = read_text(io::stdin().lock(), &mut import);
        read.map_err(|why| unreadable(Path::new(name), &why))?;
    } else if fs::metadata(from).map_err(|why| unreadable(from, &why))?.is_dir() {
        if ![original::TRIPLETS, original::CLIENTS].iter().any(|name| from.join(name).exists()) {
            return Err(Problem::Source(format!("there is no postgrey.db in {}", from.display())));
        }
        original::read(from, &WorkDirectory::new(dbdir)?, &mut import);
    } else {
        read_file(from, &mut import)?;
    }
    Ok(import.finish()?)
}

fn read_file(from: &Path, import: &mut Import<'_>) -> Result<(), Problem> {
    match BerkeleyFile::open(from) {
        Ok(file) => original::read_file(&file, None, from, import),
        Err(OpenError::NotBerkeleyDb) => File::open(from)
            .and_then(|file| read_text(BufReader::new(file), import))
            .map_err(|why| unreadable(from, &why))?,
        Err(error) => return Err(Problem::Source(format!("{} {error}", from.display()))),
    }
    Ok(())
}

/// Takes all rows of a text.
fn read_text(mut text: impl BufRead, import: &mut Import<'_>) -> io::Result<()> {
    if !dump::is_dump(text.fill_buf()?) {
        let what = "is neither a database of postgrey 1 nor the text of db_dump";
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    dump::read(text, |name, key, value| match (key, value) {
        (Field::Bytes(key), Field::Bytes(value)) => import.row(table(name), key, value),
        (Field::Bytes(key), Field::Unreadable) => import.report.refuse(key, "has a broken value"),
        (Field::Unreadable, _) => import.report.refuse(b"", "is a broken line in place of a key"),
    })
}

/// The table that is called so.
fn table(name: Option<&str>) -> Option<Table> {
    Table::ALL.into_iter().find(|table| Some(table.name()) == name)
}

fn unreadable(from: &Path, error: &io::Error) -> Problem {
    Problem::Source(match error.kind() {
        io::ErrorKind::InvalidData => format!("{} {error}", from.display()),
        io::ErrorKind::PermissionDenied => format!(
            "can't read {0} as the daemon's user: {error}; a file can be given by --from=- <{0}",
            from.display()
        ),
        _ => format!("can't read {}: {error}", from.display()),
    })
}
