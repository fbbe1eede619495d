//! The source of an import.

use super::json;
use super::original;
use super::work::WorkDirectory;
use super::{Import, ImportReport, tsv};
use crate::state::berkeley::{BerkeleyFile, OpenError};
use crate::state::dump;
use crate::state::text_lines::TextLines;
use crate::state::{Error, Table};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::Path;

impl Import<'_> {
    /// Merges the content of a directory or a file, or of standard input (`-`), into
    /// the database; in its directory `dbdir`, a copy can be recovered. After an
    /// error, what was merged stays.
    pub fn read(mut self, from: &Path, dbdir: &Path) -> Result<ImportReport, Error> {
        if from == Path::new("-") {
            let name = "standard input";
            self.report.from = name.to_string();
            let read = length_of_input()
                .and_then(|length| read_text(io::stdin().lock(), length, &mut self));
            read.map_err(|why| unreadable(Path::new(name), &why))?;
        } else if fs::metadata(from).map_err(|why| unreadable(from, &why))?.is_dir() {
            if ![super::TRIPLETS, super::CLIENTS].iter().any(|name| from.join(name).exists()) {
                let directory = from.display();
                return Err(Error::new(format!("there is no postgrey.db in {directory}")));
            }
            original::read(from, &WorkDirectory::new(dbdir)?, &mut self);
        } else {
            read_file(from, &mut self)?;
        }
        self.finish()
    }
}

/// Bytes of standard input, if it is a file; 0 if it is a pipe.
fn length_of_input() -> io::Result<u64> {
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    Ok(input.metadata()?.len())
}

fn read_file(from: &Path, import: &mut Import<'_>) -> Result<(), Error> {
    match BerkeleyFile::open(from) {
        Ok(file) => original::read_file(&file, None, from, import),
        Err(OpenError::NotBerkeleyDb) => File::open(from)
            .and_then(|file| {
                let length = file.metadata()?.len();
                read_text(BufReader::new(file), length, import)
            })
            .map_err(|why| unreadable(from, &why))?,
        Err(OpenError::Io(error)) => return Err(unreadable(from, &error)),
        Err(error) => return Err(Error::new(format!("{} {error}", from.display()))),
    }
    Ok(())
}

/// Imports a text of `total` bytes.
fn read_text(mut text: impl BufRead, total: u64, import: &mut Import<'_>) -> io::Result<()> {
    let start = text.fill_buf()?;
    let (is_tsv, is_json) = (tsv::is_tsv(start), json::is_json(start));
    if !is_tsv && !is_json && !dump::is_dump(start) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, unknown_format(start)));
    }
    let mut lines = TextLines::new(text);
    if is_tsv || is_json {
        let take = if is_tsv { tsv::line } else { json::line };
        for number in 1.. {
            let Some(line) = lines.next()? else { break };
            take(import, number, line);
            (import.watch)(lines.done, total);
        }
        return Ok(());
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

fn unreadable(from: &Path, error: &io::Error) -> Error {
    Error::new(match error.kind() {
        io::ErrorKind::InvalidData => format!("{} {error}", from.display()),
        io::ErrorKind::PermissionDenied => format!(
            "can't read {0} as the daemon's user: {error}; a file can be given by --from=- <{0}",
            from.display()
        ),
        _ => format!("can't read {}: {error}", from.display()),
    })
}
