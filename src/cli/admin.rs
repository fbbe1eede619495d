//! The commands with which an administrator looks into the database: `postgrey
//! export` and so on. Unlike the daemon's own command line they are new, so
//! their words are parsed as clap parses them.

use super::{Invocation, UsageError, help};
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What an administrator wants done, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Directory of the database (`--dbdir`).
    pub dbdir: PathBuf,
    /// The user whom root becomes before anything is opened (`--user`).
    pub user: String,
    /// The groups that go with it (`--group`).
    pub group: String,
    /// What to do.
    pub task: Task,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Print all rows.
    Export {
        /// Of which tables.
        tables: Tables,
        /// In which form.
        form: Form,
    },
    /// Take over the entries of another database.
    Import {
        /// A directory of the original, a file, or `-` for standard input.
        from: PathBuf,
    },
}

/// One table or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// Triplets and clients.
    Both,
    /// Triplets alone.
    Triplets,
    /// Clients alone.
    Clients,
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As text: for people or, where there is one, in the customary format.
    Text,
    /// As one JSON object a line.
    Json,
}

/// Whether a first word is one of these commands.
pub(super) fn is_command(word: &OsStr) -> bool {
    subcommands().iter().any(|command| word == command.get_name())
}

/// Parses the words from the command on.
///
/// # Errors
/// When clap does not understand them.
pub(super) fn parse(words: Vec<OsString>) -> Result<Invocation, UsageError> {
    let mut command = Command::new("postgrey")
        .no_binary_name(true)
        .disable_help_subcommand(true)
        .subcommands(subcommands());
    command.build();
    let matches = command
        .try_get_matches_from_mut(words)
        .map_err(|error| UsageError { message: error.to_string().trim_end().into(), status: 2 })?;
    let (name, matches) = matches.subcommand().expect("a word that is a command");
    if matches.get_flag("help") {
        let subcommand = command.find_subcommand_mut(name).expect("it was matched");
        return Ok(Invocation::Print(help::help(subcommand)));
    }
    Ok(Invocation::Administer(Box::new(Order {
        dbdir: text(matches, "dbdir").into(),
        user: text(matches, "user").to_string_lossy().into_owned(),
        group: text(matches, "group").to_string_lossy().into_owned(),
        task: task(name, matches),
    })))
}

fn task(name: &str, matches: &ArgMatches) -> Task {
    match name {
        "export" => Task::Export { tables: tables(matches), form: form(matches) },
        "import" => {
            let from = if matches.contains_id("from") { "from" } else { "dbdir" };
            Task::Import { from: text(matches, from).into() }
        }
        name => unreachable!("{name} is in no table of commands"),
    }
}

fn form(matches: &ArgMatches) -> Form {
    if matches.get_flag("json") { Form::Json } else { Form::Text }
}

fn tables(matches: &ArgMatches) -> Tables {
    match (matches.get_flag("triplets"), matches.get_flag("clients")) {
        (true, false) => Tables::Triplets,
        (false, true) => Tables::Clients,
        _ => Tables::Both,
    }
}

fn text<'a>(matches: &'a ArgMatches, id: &str) -> &'a OsStr {
    matches.get_one::<OsString>(id).map_or(OsStr::new(""), OsString::as_os_str)
}

fn subcommands() -> [Command; 2] {
    [export(), import()]
}

fn export() -> Command {
    command("export", "print the database as text that Berkeley DB's db_load reads").args([
        switch("triplets").help("only the triplets, as db_load wants them for postgrey.db"),
        switch("clients").help("only the clients, as db_load wants them for postgrey_clients.db"),
        switch("json").help("print one JSON object a line instead"),
    ])
}

fn import() -> Command {
    command("import", "take over the entries of postgrey 1, or of another database").arg(
        Arg::new("from")
            .long("from")
            .value_name("PATH")
            .value_parser(clap::value_parser!(OsString))
            .help(
                "a directory or a file of postgrey 1, or the text of db_dump or \
                 \"postgrey export\", - for standard input [default: --dbdir]",
            ),
    )
}

/// A command with the options that all have.
fn command(name: &'static str, about: &'static str) -> Command {
    Command::new(name).about(about).disable_help_flag(true).args_override_self(true).args([
        value("dbdir", "PATH", "/var/lib/postgrey").help("directory of the database"),
        value("user", "NAME", "postgrey").help("whom root becomes first"),
        value("group", "NAME", "postgrey").help("the groups that go with it"),
        switch("help").short('h').help("show this help"),
    ])
}

fn switch(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

fn value(name: &'static str, shown: &'static str, default: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(shown)
        .value_parser(clap::value_parser!(OsString))
        .default_value(default)
}
