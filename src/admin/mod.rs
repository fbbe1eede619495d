//! The administration commands.

mod backup;
mod check;
mod config;
mod edit;
mod exit;
mod explain;
mod export;
mod import;
mod list;
mod output;
mod progress;
mod question;
mod restore;
mod rights;
mod show;
mod stats;
mod status;
mod text;
mod view;

pub use exit::{Error, Exit};

use crate::cli::admin::{Command, Extent, Invocation};
use crate::cli::settings::ToolSettings;
use crate::daemon::privileges::Identity;
use crate::database::{Database, OpenFile};
use crate::greylist::edit::Change;
use crate::state;
use output::Output;
use rights::Rights;
use std::io::{self, Write};
use view::View;

/// Runs a command and prints to `out`.
pub fn run(invocation: &Invocation, out: &mut impl Write) -> Result<Exit, Error> {
    let Invocation { tool, command, format, .. } = invocation;
    let out = &mut Output { format: *format, to: out };
    let (rights, result) = match command {
        Command::Check(check) => (Rights::without_directory(), check::run(check, out)),
        Command::Config { all } => (Rights::without_directory(), config::run(tool, *all, out)),
        command => {
            let settings = tool.settings().map_err(Error::Usage)?;
            let rights = match command {
                Command::Explain(_) => Rights::without_directory(),
                _ => Rights::of(&settings),
            };
            let result = run_command(invocation, &settings, &rights, out);
            (rights, result)
        }
    };
    // What was found is printed before an error.
    let flushed = out.flush();
    let result = result.and_then(|exit| Ok(flushed.map(|()| exit)?));
    result.map_err(|error| rights.explain(error))
}

fn run_command(
    Invocation { command, file, .. }: &Invocation,
    settings: &ToolSettings,
    rights: &Rights,
    out: &mut Output,
) -> Result<Exit, Error> {
    if !check::database::is_here() {
        show_source(settings);
    }
    match command {
        // These change the user themselves, because a part of their work is
        // root's.
        Command::Backup(file) => return backup::run(settings, file),
        Command::Explain(explain) => return explain::run(settings, explain, out),
        Command::CheckDatabase => {
            check::database::refuse_shared(settings.shared.as_ref())?;
            if !check::database::is_here() {
                return check::database::run(&settings.dbdir);
            }
        }
        _ => {}
    }
    let identity = Identity::look_up(&settings.user, &settings.group)?;
    // Files named by the caller may be the caller's alone.
    let opened = file.as_deref().map(|path| OpenFile::open_as(&identity, path));
    let opened = match command {
        // What is not a copy is opened again by its path.
        Command::Import => opened.and_then(Result::ok).filter(OpenFile::is_database),
        _ => opened.transpose()?,
    };
    identity.assume_silently()?;
    let (dbdir, location) = (settings.dbdir.as_path(), settings.location());
    let copy = opened.map(Database::of_file).transpose()?;
    let database = || -> Result<Database, state::Error> {
        let database = Database::open(&location)?;
        if let Err(shortage) = database.require_all() {
            let _ = writeln!(io::stderr(), "postgrey: {shortage}");
        }
        Ok(database)
    };
    let view = |copy: Option<Database>| -> Result<View, Error> {
        Ok(View::new(copy.map_or_else(database, Ok)?))
    };
    match command {
        Command::CheckDatabase => check::database::run_here(dbdir, out),
        Command::Export { table } => export::run(&Database::open(&location)?, *table, out),
        Command::Import => import::run(&location, file.as_deref().unwrap_or(dbdir), copy, out),
        Command::List(list) => list::run(&view(copy)?, list, out),
        Command::Show(target) => show::run(&view(copy)?, target, out),
        Command::Stats => stats::run(&view(copy)?, out),
        Command::Restore(consent) => {
            let copy = copy.expect("the file of this command");
            restore::run(&mut database()?, &copy, *consent, out)
        }
        Command::Forget(target, extent) => {
            edit::run(view(None)?, target, Change::Forget, *extent, out)
        }
        Command::Allow(target) => {
            edit::run(view(None)?, target, Change::Allow, Extent::default(), out)
        }
        Command::Clear(consent) => edit::clear(view(None)?, *consent, out),
        Command::Reload => status::reload(dbdir, out),
        Command::Status => status::run(dbdir, rights, out),
        Command::Backup(_) | Command::Explain(_) | Command::Check(_) | Command::Config { .. } => {
            unreachable!("handled above")
        }
    }
}

/// Reports where the daemon's options were found if its directory is not the default one.
fn show_source(settings: &ToolSettings) {
    if let Some(source) = &settings.source {
        let (dbdir, source) = (settings.dbdir.display(), source.display());
        let _ = writeln!(io::stderr(), "postgrey: using --dbdir={dbdir} of {source}");
    }
}
