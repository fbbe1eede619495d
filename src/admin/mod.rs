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
use rights::Rights;
use std::io::{self, Write};
use std::path::Path;
use view::View;

/// Runs a command and prints to `out`.
pub fn run(invocation: &Invocation, out: &mut impl Write) -> Result<Exit, Error> {
    let (rights, result) = match &invocation.command {
        Command::Check(check) => (Rights::without_directory(), check::run(check, out)),
        Command::Config { all, format } => {
            (Rights::without_directory(), config::run(&invocation.tool, *all, *format, out))
        }
        command => {
            let settings = invocation.tool.settings().map_err(Error::Usage)?;
            let rights = match command {
                Command::Explain(_) => Rights::without_directory(),
                _ => Rights::of(&settings),
            };
            let result = run_command(command, &settings, &rights, out);
            (rights, result)
        }
    };
    // What was found is printed before an error.
    let flushed = out.flush();
    let result = result.and_then(|exit| Ok(flushed.map(|()| exit)?));
    result.map_err(|error| rights.explain(error))
}

fn run_command(
    command: &Command,
    settings: &ToolSettings,
    rights: &Rights,
    out: &mut impl Write,
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
    let open = |path: &Path| OpenFile::open_as(&identity, path);
    let file = match command {
        Command::Import { from: Some(path) } => open(path).ok().filter(OpenFile::is_database),
        command => copy_of(command).map(open).transpose()?,
    };
    identity.assume_silently()?;
    let (dbdir, location) = (settings.dbdir.as_path(), settings.location());
    let copy = file.map(Database::of_file).transpose()?;
    let read = |copy: Option<Database>| -> Result<View, Error> {
        Ok(View::new(copy.map_or_else(|| Database::open(&location), Ok)?))
    };
    match command {
        Command::CheckDatabase => check::database::run_here(dbdir, out),
        Command::Export { table, format } => {
            export::run(&Database::open(&location)?, *table, *format, out)
        }
        Command::Import { from } => {
            import::run(&location, from.as_deref().unwrap_or(dbdir), copy, out)
        }
        Command::List(list, _) => list::run(&read(copy)?, list, out),
        Command::Show(target, format, _) => show::run(&read(copy)?, target, *format, out),
        Command::Stats(format, _) => stats::run(&read(copy)?, *format, out),
        Command::Restore(_, consent) => {
            let copy = copy.expect("the file of this command");
            restore::run(&mut Database::open(&location)?, &copy, *consent, out)
        }
        Command::Forget(target, extent) => {
            edit::run(read(None)?, target, Change::Forget, *extent, out)
        }
        Command::Allow(target) => {
            edit::run(read(None)?, target, Change::Allow, Extent::default(), out)
        }
        Command::Clear(consent) => edit::clear(read(None)?, *consent, out),
        Command::Reload => status::reload(dbdir, out),
        Command::Status(format) => status::run(dbdir, rights, *format, out),
        Command::Backup(_) | Command::Explain(_) | Command::Check(_) | Command::Config { .. } => {
            unreachable!("handled above")
        }
    }
}

/// The file that a command reads in place of the database, or restores.
fn copy_of(command: &Command) -> Option<&Path> {
    match command {
        Command::List(_, file) | Command::Show(.., file) | Command::Stats(_, file) => {
            file.as_deref()
        }
        Command::Restore(file, _) => Some(file),
        _ => None,
    }
}

/// Reports where the daemon's options were found if its directory is not the default one.
fn show_source(settings: &ToolSettings) {
    if let Some(source) = &settings.source {
        let (dbdir, source) = (settings.dbdir.display(), source.display());
        let _ = writeln!(io::stderr(), "postgrey: using --dbdir={dbdir} of {source}");
    }
}
