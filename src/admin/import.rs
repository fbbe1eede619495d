//! `postgrey import`: the entries of another database join those of this one.

use super::{Outcome, Trouble};
use crate::daemon::DirectoryLock;
use crate::store::Notes;
use crate::store::import::{self, Problem, Report};
use nix::errno::Errno;
use std::io::Write;
use std::path::Path;

/// Merges what is in `from` into the database in `dbdir`, and tells what came
/// over. The same again changes nothing.
///
/// # Errors
/// When a daemon uses the database, `from` cannot be read, or the database does
/// not take it.
pub fn run(dbdir: &Path, from: &Path, out: &mut impl Write) -> Result<Outcome, Trouble> {
    let _lock = DirectoryLock::take(dbdir).map_err(|failure| {
        if failure.status() == Errno::EAGAIN as u8 {
            let directory = dbdir.display();
            let sentence = format!("a daemon uses {directory}; stop it for the import");
            Trouble::Access(format!("{sentence} ({failure})"))
        } else {
            failure.into()
        }
    })?;
    // Without a database this is its first start, which takes over the
    // original's beside it.
    let (mut store, mut report) = import::open_or_import(dbdir, &Notes::default())?;
    if report.is_none() || from != dbdir {
        tell(report.as_ref(), out)?;
        report = Some(import::import(from, dbdir, &mut store)?);
    }
    tell(report.as_ref(), out)?;
    let is_in_vain = report.is_some_and(|report| report.is_empty());
    Ok(if is_in_vain { Outcome::InVain } else { Outcome::Done })
}

fn tell(report: Option<&Report>, out: &mut impl Write) -> Result<(), Trouble> {
    if let Some(report) = report {
        writeln!(out, "{report}")?;
        for remark in &report.remarks {
            writeln!(out, "{remark}")?;
        }
        out.flush()?;
    }
    Ok(())
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Trouble {
        Trouble::Access(problem.to_string())
    }
}
