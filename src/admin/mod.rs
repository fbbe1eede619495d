//! What an administrator does with the database from outside the daemon.

mod backup;
mod check;
mod config;
mod daemon;
mod edit;
mod explain;
mod export;
mod import;
mod list;
mod outcome;
mod progress;
mod question;
mod show;
mod stats;
mod status;
mod text;
mod view;

pub use outcome::{Error, Outcome};

use crate::cli::admin::{Command, Extent, Invocation};
use crate::cli::settings::Settings;
use crate::daemon::privileges::Identity;
use crate::greylist::edit::Change;
use crate::state::local::Reader;
use daemon::Daemon;
use std::io::{self, Write};
use std::path::Path;
use view::View;

/// Runs a command and prints to `out`.
///
/// # Errors
/// When it cannot be done; the error says why and with which status to end.
pub fn run(invocation: &Invocation, out: &mut impl Write) -> Result<Outcome, Error> {
    match &invocation.command {
        Command::Check(check) => return check::run(check, out),
        Command::Config { all, format } => {
            return config::run(&invocation.place, *all, *format, out);
        }
        _ => {}
    }
    let settings = invocation.place.settings().map_err(Error::Usage)?;
    show_source(&settings);
    match &invocation.command {
        // These see to the user themselves: a part of their work may be root's.
        Command::Backup(file) => return backup::run(&settings, file),
        Command::Explain(explain) => return explain::run(&settings, explain, out),
        Command::CheckDatabase if !check::database::is_here() => {
            return check::database::run(&settings.dbdir);
        }
        _ => {}
    }
    let dbdir = enter(&settings)?;
    match &invocation.command {
        Command::CheckDatabase => check::database::run_here(dbdir, out),
        Command::Export { tables, form } => {
            export::run(&Reader::open(dbdir)?, *tables, *form, out)?;
            Ok(Outcome::Done)
        }
        Command::Import { from } => import::run(dbdir, from.as_deref().unwrap_or(dbdir), out),
        Command::List(list) => list::run(&View::open(dbdir)?, list, out),
        Command::Show(target, form) => show::run(&View::open(dbdir)?, target, *form, out),
        Command::Stats(form) => {
            stats::run(&View::open(dbdir)?, Daemon::connect(dbdir).ok(), *form, out)
        }
        Command::Forget(target, extent) => edit::run(dbdir, target, Change::Forget, *extent, out),
        Command::Allow(target) => edit::run(dbdir, target, Change::Allow, Extent::default(), out),
        Command::Clear(consent) => edit::clear(dbdir, *consent, out),
        Command::Reload => status::reload(dbdir, out),
        Command::Status(format) => status::run(dbdir, *format, out),
        Command::Backup(_) | Command::Explain(_) | Command::Check(_) | Command::Config { .. } => {
            unreachable!("handled above")
        }
    }
}

/// Says which database was found, if it is not where everybody looks first.
fn show_source(settings: &Settings) {
    if let Some(source) = &settings.source {
        let (dbdir, source) = (settings.dbdir.display(), source.display());
        let _ = writeln!(io::stderr(), "postgrey: using the database in {dbdir}, see {source}");
    }
}

/// Becomes the daemon's user, and lets a daemon that runs write what it
/// remembers. Gives the directory of the database.
fn enter(settings: &Settings) -> Result<&Path, Error> {
    Identity::look_up(&settings.user, &settings.group)?.assume_silently()?;
    daemon::settle(&settings.dbdir);
    Ok(&settings.dbdir)
}
