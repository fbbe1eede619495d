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

pub use outcome::{Outcome, Trouble};

use crate::cli::admin::{Order, Task};
use crate::daemon::privileges::Identity;
use crate::greylist::edit::Change;
use crate::store::lmdb::Reader;
use daemon::Daemon;
use std::io::Write;
use view::View;

/// Does what was ordered and prints to `out`.
///
/// # Errors
/// When it cannot be done; the error says why and with which status to end.
pub fn run(order: &Order, out: &mut impl Write) -> Result<Outcome, Trouble> {
    let Order { dbdir, user, group, task } = order;
    match task {
        Task::Backup(file) => return backup::run(order, file),
        Task::CheckDatabase if !check::database::is_here() => return check::database::run(order),
        Task::Explain(explain) => return explain::run(order, explain, out),
        Task::Check(check) => return check::run(check, out),
        _ => {}
    }
    Identity::look_up(user, group)?.assume_silently()?;
    daemon::settle(dbdir);
    match task {
        Task::Export { tables, form } => {
            export::run(&Reader::open(dbdir)?, *tables, *form, out)?;
            Ok(Outcome::Done)
        }
        Task::Import { from } => import::run(dbdir, from, out),
        Task::List(list) => list::run(&View::open(dbdir)?, list, out),
        Task::Show(subject, form) => show::run(&View::open(dbdir)?, subject, *form, out),
        Task::Stats(form) => {
            stats::run(&View::open(dbdir)?, Daemon::connect(dbdir).ok(), *form, out)
        }
        Task::Forget(subject) => edit::run(dbdir, subject, Change::Forget, out),
        Task::Allow(subject) => edit::run(dbdir, subject, Change::Allow, out),
        Task::Backup(_) | Task::Check(_) | Task::Explain(_) => unreachable!("it was done above"),
        Task::CheckDatabase => check::database::run_here(dbdir, out),
    }
}
