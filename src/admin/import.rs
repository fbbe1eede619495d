//! `postgrey import`: the entries of another database join those of this one,
//! by the running daemon where there is one.

use super::daemon::Daemon;
use super::progress::Progress;
use super::{Outcome, Trouble, edit};
use crate::daemon::DirectoryLock;
use crate::greylist::edit::{Change, Edit};
use crate::store::Notes;
use crate::store::import::{self, Destination, Entry, Problem, Report, Source};
use std::io::Write;
use std::path::Path;

/// Merges what is in `from` into the database in `dbdir`, and tells what came
/// over. The same again changes nothing.
///
/// # Errors
/// When `from` cannot be read, or the daemon or the database does not take it.
pub fn run(dbdir: &Path, from: &Path, out: &mut impl Write) -> Result<Outcome, Trouble> {
    let source = Source { path: from, dbdir };
    let unheard = match Daemon::connect(dbdir) {
        Ok(mut daemon) => return tell(&take(&source, &mut daemon)?, out),
        Err(error) => error,
    };
    let _lock = DirectoryLock::take(dbdir).map_err(|failure| {
        Trouble::Access(format!(
            "{failure}; a daemon that runs there can't be asked, either: {unheard}"
        ))
    })?;
    // Without a database this is its first start, which takes over the
    // original's beside it.
    let (mut store, report) = {
        let mut progress = Progress::new(0);
        let mut watch = |done, of| progress.reach(size(done), size(of));
        import::open_or_import(dbdir, &Notes::default(), &mut watch)?
    };
    match report {
        Some(report) if from == dbdir => tell(&report, out),
        Some(report) => {
            tell(&report, out)?;
            tell(&take(&source, &mut store)?, out)
        }
        None => tell(&take(&source, &mut store)?, out),
    }
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
        let edits: Vec<Edit> = entries.iter().map(merge).collect();
        let mut new = 0;
        for batch in edit::batches(&edits) {
            let done = self.edit(batch);
            new += done.map_err(|trouble| Problem::Destination(trouble.to_string()))?;
        }
        Ok(new)
    }
}

fn merge(entry: &Entry) -> Edit {
    let change = Change::Merge(entry.row().into_bytes());
    Edit { table: entry.table(), key: entry.key().to_vec(), change }
}

fn tell(report: &Report, out: &mut impl Write) -> Result<Outcome, Trouble> {
    writeln!(out, "{report}")?;
    for remark in &report.remarks {
        writeln!(out, "{remark}")?;
    }
    out.flush()?;
    Ok(if report.is_empty() { Outcome::InVain } else { Outcome::Done })
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Trouble {
        Trouble::Access(problem.to_string())
    }
}
