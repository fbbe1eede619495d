//! The source of an import.

use super::json;
use super::original;
use super::work::WorkDirectory;
use super::{Destination, Import, ImportReport, Watch, tsv};
use crate::greylist::Policy;
use crate::state::berkeley::{BerkeleyFile, OpenError};
use crate::state::dump;
use crate::state::text_lines::TextLines;
use crate::state::{Error, Table};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::Path;

#[derive(Debug)]
pub enum Problem {
    /// The source cannot be read, or holds nothing that is understood.
    Source(String),
    Destination(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Problem::Source(sentence) | Problem::Destination(sentence)) = self;
        f.write_str(sentence)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        Problem::Destination(error.to_string())
    }
}

#[derive(Clone, Copy)]
pub struct ImportSource<'a> {
    /// A directory or a file, or `-` for standard input.
    pub path: &'a Path,
    /// The database's own directory, in which a copy can be recovered.
    pub dbdir: &'a Path,
    pub policy: &'a Policy,
}

impl ImportSource<'_> {
    /// Merges its content into the database. After an error, what was merged stays.
    pub fn import<'a>(
        &'a self,
        destination: &'a mut dyn Destination,
        watch: &'a mut Watch<'a>,
    ) -> Result<ImportReport, Problem> {
        let from = self.path;
        let mut import = Import::new(destination, self.policy, watch, from.display().to_string());
        if from == Path::new("-") {
            let name = "standard input";
            import.report.from = name.to_string();
            let read = length_of_input()
                .and_then(|length| read_text(io::stdin().lock(), length, self.policy, &mut import));
            read.map_err(|why| unreadable(Path::new(name), &why))?;
        } else if fs::metadata(from).map_err(|why| unreadable(from, &why))?.is_dir() {
            if ![super::TRIPLETS, super::CLIENTS].iter().any(|name| from.join(name).exists()) {
                let directory = from.display();
                return Err(Problem::Source(format!("there is no postgrey.db in {directory}")));
            }
            original::read(from, &WorkDirectory::new(self.dbdir)?, &mut import);
        } else {
            read_file(from, self.policy, &mut import)?;
        }
        import.finish()
    }
}

/// Bytes of standard input, if it is a file; 0 if it is a pipe.
fn length_of_input() -> io::Result<u64> {
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    Ok(input.metadata()?.len())
}

fn read_file(from: &Path, policy: &Policy, import: &mut Import<'_>) -> Result<(), Problem> {
    match BerkeleyFile::open(from) {
        Ok(file) => original::read_file(&file, None, from, import),
        Err(OpenError::NotBerkeleyDb) => File::open(from)
            .and_then(|file| {
                let length = file.metadata()?.len();
                read_text(BufReader::new(file), length, policy, import)
            })
            .map_err(|why| unreadable(from, &why))?,
        Err(OpenError::Io(error)) => return Err(unreadable(from, &error)),
        Err(error) => return Err(Problem::Source(format!("{} {error}", from.display()))),
    }
    Ok(())
}

/// Imports a text of `total` bytes.
fn read_text(
    mut text: impl BufRead,
    total: u64,
    policy: &Policy,
    import: &mut Import<'_>,
) -> io::Result<()> {
    let start = text.fill_buf()?;
    let (is_tsv, is_json) = (tsv::is_tsv(start), json::is_json(start));
    if !is_tsv && !is_json && !dump::is_dump(start) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, unknown_format(start)));
    }
    let mut lines = TextLines::new(text);
    if is_tsv {
        return tsv::read(&mut lines, policy, import, total);
    }
    if is_json {
        return json::read(&mut lines, import, total);
    }
    dump::read(&mut lines, |name, key, value, done| {
        match (key, value) {
            (Some(key), Some(value)) => import.row(table(name), key, value),
            (Some(key), None) => import.report.refuse(key, "has a broken value"),
            (None, _) => import.report.refuse(b"", "is a broken line in place of a key"),
        }
        (import.watch)(done, total);
    })
}

/// The error for a text of unknown format, and what to do.
fn unknown_format(start: &[u8]) -> &'static str {
    let is_sql = [&b"SQLite format 3"[..], b"PRAGMA ", b"--", b"/*", b"CREATE ", b"INSERT "]
        .iter()
        .any(|word| start.starts_with(word));
    if is_sql {
        "is a database or a dump in SQL; postgrey-migration(7) has queries that print what import \
         reads"
    } else {
        "is not a database of postgrey 1, text of db_dump or tab-separated triplets"
    }
}

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
