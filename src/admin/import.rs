//! `postgrey import`: the entries of another database join those of this one,
//! by the running daemon where there is one.

use super::progress::Progress;
use super::{Error, Outcome, edit};
use crate::daemon::DirectoryLock;
use crate::database::Database;
use crate::greylist;
use crate::greylist::edit::Edit;
use crate::greylist::filter::Filter;
use crate::state::import::{self, Destination, Entry, Import, Problem, Report, Source};
use crate::state::local::{FILE_NAME, is_lmdb};
use crate::state::{Metadata, Table};
use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

/// Standard input as a path: of a database that was redirected.
const STANDARD_INPUT: &str = "/proc/self/fd/0";

/// Merges what is in `from` into the database in `dbdir`, and says how much. The
/// same again changes nothing.
pub fn run(dbdir: &Path, from: &Path, out: &mut impl Write) -> Result<Outcome, Error> {
    let is_there = fs::metadata(dbdir.join(FILE_NAME)).is_ok_and(|file| file.len() > 0);
    let (report, keys) = if is_there {
        let mut database = Database::open(dbdir)?;
        let metadata = database.metadata().clone();
        (take(dbdir, from, &metadata, &mut database)?, metadata.keys)
    } else {
        (into_new(dbdir, from, out)?, String::new())
    };
    let outcome = print(&report, out)?;
    if report.has_made_keys && keys.is_empty() {
        writeln!(
            out,
            "no daemon has run here yet: if it will be told how to look up or hide clients \
             (--lookup-by-host, --ipv4cidr, --ipv6cidr, --privacy), start it once and import again"
        )?;
        out.flush()?;
    }
    Ok(outcome)
}

/// Imports into a new database, and keeps a daemon from starting meanwhile. This
/// is its first start, which takes over the original's beside it.
fn into_new(dbdir: &Path, from: &Path, out: &mut impl Write) -> Result<Report, Error> {
    let _lock = DirectoryLock::take(dbdir)?;
    let keys = greylist::policy(&Metadata::default());
    let (mut store, report) = {
        let mut progress = Progress::new(0);
        let mut watch = |done, of| progress.reach(size(done), size(of));
        import::open_or_import(dbdir, &Metadata::default(), &keys, &mut watch)?
    };
    match report {
        Some(report) if from == dbdir => return Ok(report),
        Some(report) => {
            print(&report, out)?;
        }
        None => {}
    }
    take(dbdir, from, &Metadata::default(), &mut store)
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn take(
    dbdir: &Path,
    from: &Path,
    metadata: &Metadata,
    destination: &mut dyn Destination,
) -> Result<Report, Error> {
    if let Some(copy) = copy(from)? {
        return take_copy(&copy, metadata, destination);
    }
    let mut progress = Progress::new(0);
    let keys = greylist::policy(metadata);
    let source = Source { path: from, dbdir, keys: &keys };
    Ok(source.import(destination, &mut |done, of| progress.reach(size(done), size(of)))?)
}

fn take_copy(
    copy: &Database,
    metadata: &Metadata,
    destination: &mut dyn Destination,
) -> Result<Report, Error> {
    let keys = greylist::policy(metadata);
    let mut watch = |_, _| {};
    let mut import = Import::new(destination, &keys, &mut watch, copy.path().display().to_string());
    for table in Table::ALL {
        copy.scan(table, &Filter::default(), |key, text| -> Result<_, Error> {
            import.row(Some(table), key, text);
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(import.finish()?)
}

/// A database of this program, which only a child opens.
fn copy(from: &Path) -> Result<Option<Database>, Error> {
    let path = if from == Path::new("-") { Path::new(STANDARD_INPUT) } else { from };
    let is_copy = fs::metadata(path).is_ok_and(|file| file.is_file())
        && is_lmdb(path).is_ok_and(|is_copy| is_copy);
    Ok(if is_copy { Some(Database::open_file(path)?) } else { None })
}

impl Destination for Database {
    fn merge(&mut self, entries: &[Entry]) -> Result<usize, Problem> {
        let edits: Vec<Edit> = entries.iter().map(Entry::edit).collect();
        let mut new = 0;
        for batch in edit::batches(&edits) {
            new += self.edit(batch).map_err(|error| Problem::Destination(error.to_string()))?;
        }
        Ok(new)
    }
}

fn print(report: &Report, out: &mut impl Write) -> Result<Outcome, Error> {
    writeln!(out, "{report}")?;
    for remark in &report.remarks {
        writeln!(out, "{remark}")?;
    }
    out.flush()?;
    Ok(if report.is_empty() { Outcome::InVain } else { Outcome::Done })
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Error {
        Error::Access(problem.to_string())
    }
}
