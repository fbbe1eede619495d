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
use crate::state::local::Reader;
use daemon::Daemon;
use std::io::Write;
use std::path::Path;
use view::View;

/// Does what was ordered and prints to `out`.
///
/// # Errors
/// When it cannot be done; the error says why and with which status to end.
pub fn run(order: &Order, out: &mut impl Write) -> Result<Outcome, Trouble> {
    match &order.task {
        // These see to the user themselves: a part of their work may be root's.
        Task::Backup(file) => backup::run(order, file),
        Task::Explain(explain) => explain::run(order, explain, out),
        Task::Check(check) => check::run(check, out),
        Task::CheckDatabase if !check::database::is_here() => check::database::run(order),
        Task::CheckDatabase => check::database::run_here(enter(order)?, out),
        Task::Export { tables, form } => {
            export::run(&Reader::open(enter(order)?)?, *tables, *form, out)?;
            Ok(Outcome::Done)
        }
        Task::Import { from } => import::run(enter(order)?, from, out),
        Task::List(list) => list::run(&View::open(enter(order)?)?, list, out),
        Task::Show(subject, form) => show::run(&View::open(enter(order)?)?, subject, *form, out),
        Task::Stats(form) => {
            let dbdir = enter(order)?;
            stats::run(&View::open(dbdir)?, Daemon::connect(dbdir).ok(), *form, out)
        }
        Task::Forget(subject) => edit::run(enter(order)?, subject, Change::Forget, out),
        Task::Allow(subject) => edit::run(enter(order)?, subject, Change::Allow, out),
    }
}

/// Becomes the daemon's user, and lets a daemon that runs write what it
/// remembers. Gives the directory of the database.
fn enter(order: &Order) -> Result<&Path, Trouble> {
    Identity::look_up(&order.user, &order.group)?.assume_silently()?;
    daemon::settle(&order.dbdir);
    Ok(&order.dbdir)
}
