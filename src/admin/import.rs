//! `postgrey import`: the entries of another database join those of this one,
//! by the running daemon where there is one.

use super::progress::{Progress, for_each_record};
use super::{Error, Exit, Output, edit};
use crate::daemon::DirectoryLock;
use crate::database::{Connection, Database, OpenFile, StateLocation};
use crate::greylist::edit::Edit;
use crate::state::import::{self, Destination, Import, ImportReport};
use crate::state::local::FILE_NAME;
use crate::state::{self, Metadata, Table};
use std::fs;
use std::io::Write;
use std::path::Path;

/// Standard input as a path: of a database that was redirected.
const STANDARD_INPUT: &str = "/proc/self/fd/0";

/// Merges the content of `from` into the database in a place and prints a report.
/// Repeating an import changes nothing.
pub fn run(
    location: &StateLocation,
    from: &Path,
    copy: Option<Database>,
    out: &mut Output,
) -> Result<Exit, Error> {
    let copy = if from == Path::new("-") { redirected()? } else { copy };
    let dbdir = location.directory.as_path();
    let has_file = fs::metadata(dbdir.join(FILE_NAME)).is_ok_and(|file| file.len() > 0);
    let is_shared = location.shared.is_some() || Connection::to_daemon(dbdir).is_ok();
    let is_there = has_file || is_shared;
    let (report, keys) = if is_there {
        let mut database = Database::open(location)?;
        let metadata = database.metadata().clone();
        (take(dbdir, from, copy, &metadata, &mut database)?, metadata.keys)
    } else {
        (into_new(dbdir, from, copy, out)?, String::new())
    };
    let outcome = print(&report, out)?;
    if report.has_made_keys && keys.is_empty() {
        writeln!(
            out,
            "no daemon has run here yet: if it gets options that change keys \
             (--lookup-by-host, --ipv4cidr, --ipv6cidr, --privacy), start it once and import again"
        )?;
    }
    Ok(outcome)
}

/// Imports into a new database, while no daemon can start. Like a daemon's first
/// start, this first imports the original's database in the directory.
fn into_new(
    dbdir: &Path,
    from: &Path,
    copy: Option<Database>,
    out: &mut Output,
) -> Result<ImportReport, Error> {
    let _lock = DirectoryLock::take(dbdir)?;
    let policy = Metadata::default().policy();
    let (mut store, report) = {
        let mut progress = Progress::new(0);
        let mut watch = |done, of| progress.reach(size(done), size(of));
        import::open_or_import(dbdir, &Metadata::default(), &policy, &mut watch)?
    };
    match report {
        Some(report) if from == dbdir => return Ok(report),
        Some(report) => {
            print(&report, out)?;
        }
        None => {}
    }
    take(dbdir, from, copy, &Metadata::default(), &mut store)
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn take(
    dbdir: &Path,
    from: &Path,
    copy: Option<Database>,
    metadata: &Metadata,
    destination: &mut dyn Destination,
) -> Result<ImportReport, Error> {
    if let Some(copy) = copy {
        return take_copy(&copy, metadata, destination);
    }
    let mut progress = Progress::new(0);
    let policy = metadata.policy();
    let mut watch = |done, of| progress.reach(size(done), size(of));
    let import = Import::new(destination, &policy, &mut watch, from.display().to_string());
    Ok(import.read(from, dbdir)?)
}

fn take_copy(
    copy: &Database,
    metadata: &Metadata,
    destination: &mut dyn Destination,
) -> Result<ImportReport, Error> {
    let policy = metadata.policy();
    let mut watch = |_, _| {};
    let mut import = Import::new(destination, &policy, &mut watch, copy.name().to_owned());
    for_each_record(copy, &Table::ALL, |table, key, text| {
        import.row(Some(table), key, text);
        Ok(())
    })?;
    Ok(import.finish()?)
}

/// A database of this program that was redirected to standard input.
fn redirected() -> Result<Option<Database>, Error> {
    let input = OpenFile::open(Path::new(STANDARD_INPUT)).ok().filter(OpenFile::is_database);
    Ok(input.map(Database::of_file).transpose()?)
}

impl Destination for Database {
    fn merge(&mut self, edits: Vec<Edit>) -> Result<usize, state::Error> {
        let mut new = 0;
        for batch in edit::batches(&edits) {
            new += self.edit(batch)?;
        }
        Ok(new)
    }
}

fn print(report: &ImportReport, out: &mut Output) -> Result<Exit, Error> {
    writeln!(out, "{report}")?;
    for remark in &report.remarks {
        writeln!(out, "{remark}")?;
    }
    Ok(if report.is_empty() { Exit::NothingFound } else { Exit::Done })
}
