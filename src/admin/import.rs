//! `postgrey import`: the entries of another database join those of this one,
//! by the running daemon where there is one.

use super::daemon::Daemon;
use super::progress::Progress;
use super::{Error, Outcome, edit};
use crate::greylist;
use crate::greylist::edit::Edit;
use crate::state::Metadata;
use crate::state::import::{self, Destination, Entry, Problem, Report, Source};
use crate::state::local::{FILE_NAME, Reader};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Merges what is in `from` into the database in `dbdir`, and tells what came
/// over. The same again changes nothing.
///
/// # Errors
/// When `from` cannot be read, or the daemon or the database does not take it.
pub fn run(dbdir: &Path, from: &Path, out: &mut impl Write) -> Result<Outcome, Error> {
    let notes = notes(dbdir)?;
    let keys = greylist::policy(&notes);
    let source = Source { path: from, dbdir, keys: &keys };
    let report = match Daemon::connect(dbdir) {
        Ok(mut daemon) => take(&source, &mut daemon)?,
        Err(unheard) => alone(&source, &unheard, out)?,
    };
    let outcome = tell(&report, out)?;
    if report.has_made_keys && notes.keys.is_empty() {
        writeln!(
            out,
            "no daemon has run here yet: if it will be told how to look up or hide clients \
             (--lookup-by-host, --ipv4cidr, --ipv6cidr, --privacy), start it once and import again"
        )?;
        out.flush()?;
    }
    Ok(outcome)
}

/// What the daemon noted of itself; nothing where none has run.
fn notes(dbdir: &Path) -> Result<Metadata, Error> {
    let is_there = fs::metadata(dbdir.join(FILE_NAME)).is_ok_and(|file| file.len() > 0);
    Ok(if is_there { Reader::open(dbdir)?.notes()? } else { Metadata::default() })
}

/// Imports where no daemon runs, and keeps it from starting meanwhile.
fn alone(source: &Source<'_>, unheard: &io::Error, out: &mut impl Write) -> Result<Report, Error> {
    let dbdir = source.dbdir;
    let _lock = edit::take_lock(dbdir, unheard)?;
    // Without a database this is its first start, which takes over the
    // original's beside it.
    let (mut store, report) = {
        let mut progress = Progress::new(0);
        let mut watch = |done, of| progress.reach(size(done), size(of));
        import::open_or_import(dbdir, &Metadata::default(), source.keys, &mut watch)?
    };
    match report {
        Some(report) if source.path == dbdir => return Ok(report),
        Some(report) => {
            tell(&report, out)?;
        }
        None => {}
    }
    Ok(take(source, &mut store)?)
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn take(source: &Source<'_>, destination: &mut dyn Destination) -> Result<Report, Problem> {
    let mut progress = Progress::new(0);
    source.import(destination, &mut |done, of| progress.reach(size(done), size(of)))
}

impl Destination for Daemon {
    fn merge(&mut self, entries: &[Entry]) -> Result<usize, Problem> {
        let edits: Vec<Edit> = entries.iter().map(Entry::edit).collect();
        let mut new = 0;
        for batch in edit::batches(&edits) {
            let done = self.edit(batch);
            new += done.map_err(|trouble| Problem::Destination(trouble.to_string()))?;
        }
        Ok(new)
    }
}

fn tell(report: &Report, out: &mut impl Write) -> Result<Outcome, Error> {
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
