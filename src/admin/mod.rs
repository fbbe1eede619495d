//! What an administrator does with the database from outside the daemon.

mod backup;
mod check;
mod daemon;
mod edit;
mod explain;
mod export;
mod import;
mod list;
mod outcome;
mod progress;
mod show;
mod stats;
mod text;
mod view;

pub use outcome::{Error, Outcome};

use crate::cli::admin::{Command, Invocation};
use crate::daemon::privileges::Identity;
use crate::greylist::edit::Change;
use crate::state::local::Reader;
use daemon::Daemon;
use std::io::Write;
use std::path::Path;
use view::View;

/// Does what was ordered and prints to `out`.
///
/// # Errors
/// When it cannot be done; the error says why and with which status to end.
pub fn run(invocation: &Invocation, out: &mut impl Write) -> Result<Outcome, Error> {
    match &invocation.command {
        // These see to the user themselves: a part of their work may be root's.
        Command::Backup(file) => backup::run(invocation, file),
        Command::Explain(explain) => explain::run(invocation, explain, out),
        Command::Check(check) => check::run(check, out),
        Command::CheckDatabase if !check::database::is_here() => check::database::run(invocation),
        Command::CheckDatabase => check::database::run_here(enter(invocation)?, out),
        Command::Export { tables, form } => {
            export::run(&Reader::open(enter(invocation)?)?, *tables, *form, out)?;
            Ok(Outcome::Done)
        }
        Command::Import { from } => import::run(enter(invocation)?, from, out),
        Command::List(list) => list::run(&View::open(enter(invocation)?)?, list, out),
        Command::Show(subject, form) => {
            show::run(&View::open(enter(invocation)?)?, subject, *form, out)
        }
        Command::Stats(form) => {
            let dbdir = enter(invocation)?;
            stats::run(&View::open(dbdir)?, Daemon::connect(dbdir).ok(), *form, out)
        }
        Command::Forget(subject) => edit::run(enter(invocation)?, subject, Change::Forget, out),
        Command::Allow(subject) => edit::run(enter(invocation)?, subject, Change::Allow, out),
    }
}

/// Becomes the daemon's user, and lets a daemon that runs write what it
/// remembers. Gives the directory of the database.
fn enter(invocation: &Invocation) -> Result<&Path, Error> {
    Identity::look_up(&invocation.user, &invocation.group)?.assume_silently()?;
    daemon::settle(&invocation.dbdir);
    Ok(&invocation.dbdir)
}
