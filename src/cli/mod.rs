//! Command lines, parsed and validated.
//!
//! Arguments pass `getopt`, which rewrites Getopt::Long's syntax into plain
//! `--name=value`; clap, whose command in `flags` is the only table of options;
//! and `convert`, which gives the values their types and limits.

pub(crate) mod admin;
mod config;
mod convert;
pub(crate) mod defaults;
mod effective;
mod facility;
mod flags;
mod getopt;
mod help;
pub(crate) mod layout;
mod man;
mod manual;
mod matched;
mod opensmtpd_filter;
mod options;
mod policy_test;
mod report;
pub(crate) mod settings;
mod shared;
mod smtp;
mod suggest;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

use crate::daemon::title::Hidden;
use crate::database::Source;
use crate::state::SHARED_STATE_VARIABLE;
use clap::{ArgMatches, Command, ValueHint};

pub use config::{ConfigError, FilePlace};
pub use effective::{Setting, settings_in_effect};
pub use facility::Facility;
pub use getopt::Given;
pub use opensmtpd_filter::OpensmtpdFilter;
pub use options::{Listen, Options};
pub use policy_test::{PolicyTest, ServerAddress};
pub use report::{DnsCheck, ReportOptions, Shown};
pub use smtp::Smtp;

const HELP: &str = "help";

/// The options that name a place to listen on; the daemon needs one of them.
const LISTENING: [&str; 4] = ["inet", "unix", "milter", "smtp"];

/// The other programs that `postgrey` is.
const PROGRAMS: [Program; 3] = [
    Program {
        name: report::PROGRAM,
        word: report::WORD,
        command: report::command,
        page: manual::report,
        convert: report::convert,
    },
    Program {
        name: policy_test::PROGRAM,
        word: policy_test::PROGRAM,
        command: policy_test::command,
        page: manual::policy_test,
        convert: policy_test::convert,
    },
    Program {
        name: opensmtpd_filter::PROGRAM,
        word: opensmtpd_filter::WORD,
        command: opensmtpd_filter::command,
        page: |_| manual::daemon(&flags::command()),
        convert: opensmtpd_filter::convert,
    },
];

struct Program {
    /// The name of a link to `postgrey` that starts it.
    name: &'static str,
    /// The command of `postgrey` that starts it.
    word: &'static str,
    command: fn() -> Command,
    /// Makes the manual page from the options.
    page: fn(&Command) -> man::Page,
    /// Converts the matched options and the arguments after them.
    convert: fn(&ArgMatches, Vec<OsString>) -> Result<Invocation, UsageError>,
}

impl Program {
    /// Parses the arguments after its name.
    fn parse(&self, arguments: Vec<OsString>) -> Result<Invocation, UsageError> {
        let mut command = (self.command)();
        let getopt::Words { options, rest } = rewritten(&command, arguments)?;
        let matches = matched(&mut command, &options)?;
        match information(&matches, &mut command, help::help, self.page) {
            Some(text) => Ok(Invocation::Print(text)),
            None => (self.convert)(&matches, rest),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    Serve(Box<Options>),
    /// Run an administration command.
    Administer(Box<admin::Invocation>),
    /// Report the mail that never came back.
    Report(Box<ReportOptions>),
    /// Ask a policy server about the mail of a log.
    PolicyTest(Box<PolicyTest>),
    /// Answer OpenSMTPD, which started this program as its filter.
    OpensmtpdFilter(Box<OpensmtpdFilter>),
    /// Serve a database to the tool that started this process.
    ServeDatabase(Source),
    /// Print this text, which ends with a newline, to stdout and exit with 0.
    Print(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError {
    /// One or more lines for stderr, without the last newline.
    pub message: String,
    /// The exit status: 1 for arguments that cannot be parsed, 2 for invalid
    /// values.
    pub status: u8,
}

impl UsageError {
    fn parse(message: String) -> Self {
        UsageError { message, status: 1 }
    }

    fn refused(sentence: impl fmt::Display) -> Self {
        UsageError { message: format!("ERROR: {sentence}"), status: 2 }
    }

    fn of_file(faults: Vec<ConfigError>) -> Self {
        let lines: Vec<_> = faults.into_iter().map(|fault| format!("ERROR: {fault}")).collect();
        UsageError { message: lines.join("\n"), status: 2 }
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for UsageError {}

/// Parses a whole command line. The name by which it was called, or else the
/// first argument, selects the program: `postgreyreport` is `postgrey report`.
pub fn parse_program(mut words: impl Iterator<Item = OsString>) -> Result<Invocation, UsageError> {
    let name = words.next().unwrap_or_default();
    let mut arguments: Vec<OsString> = words.collect();
    let called = Path::new(&name).file_name();
    if let Some(program) = PROGRAMS.iter().find(|it| called == Some(OsStr::new(it.name))) {
        return program.parse(arguments);
    }
    let word = arguments.first();
    if let Some(source) = Source::parse(&arguments) {
        return Ok(Invocation::ServeDatabase(source));
    }
    if let Some(program) = PROGRAMS.iter().find(|it| word.is_some_and(|word| word == it.word)) {
        arguments.remove(0);
        return program.parse(arguments);
    }
    parse(arguments)
}

/// Parses the arguments of `postgrey`, without the program's name.
///
/// # Errors
///
/// Everything that BEHAVIOUR A1 to A3 refuse, with the original's texts where
/// it has one.
pub fn parse(arguments: Vec<OsString>) -> Result<Invocation, UsageError> {
    if arguments.first().is_some_and(|word| admin::is_command(word)) {
        return admin::parse(arguments);
    }
    if arguments.first().is_some_and(|word| word == HELP) {
        return help_on(&arguments[1..]);
    }
    let mut command = flags::command();
    let getopt::Words { options: typed, rest } = rewritten(&command, arguments)?;
    let mut matches = matched(&mut command, &typed)?;
    if let Some(text) = information(&matches, &mut command, daemon_help, manual::daemon) {
        return Ok(Invocation::Print(text));
    }
    if matches.contains_id("config") {
        let merged = config::merge(&command, typed).map_err(UsageError::of_file)?;
        matches = matched(&mut command, &merged)?;
    }
    if !LISTENING.iter().any(|id| matches.contains_id(id)) {
        return Err(nowhere(rest.first().map(OsString::as_os_str)));
    }
    let machine = nix::unistd::gethostname().unwrap_or_default();
    let url = shared::url(&matches)?;
    let options = convert::options(&matches, &machine, url.as_ref())?;
    Ok(Invocation::Serve(Box::new(options)))
}

/// Parses the arguments of `postgrey help`: nothing or a command.
fn help_on(arguments: &[OsString]) -> Result<Invocation, UsageError> {
    let Some(name) = arguments.first() else {
        return Ok(Invocation::Print(daemon_help(&mut flags::command())));
    };
    let mut programs = programs();
    if let Some(program) = programs.iter_mut().find(|program| name == program.get_name()) {
        return Ok(Invocation::Print(help::help(program)));
    }
    if admin::is_command(name) {
        return admin::parse(vec![name.clone(), "--help".into()]);
    }
    let message = format!("postgrey help: {}", unknown_command(name));
    Err(UsageError { message, status: 2 })
}

fn daemon_help(command: &mut Command) -> String {
    let commands: Vec<_> = admin::commands().into_iter().chain(programs()).collect();
    help::with_commands(command, &commands)
}

/// The other programs, by their names as commands of `postgrey`.
fn programs() -> [Command; 3] {
    PROGRAMS.map(|program| (program.command)().name(program.word))
}

/// The refusal of a command line without a place to listen on: the original's
/// sentence, then all ways to listen, and the command that was probably meant.
fn nowhere(bare_word: Option<&OsStr>) -> UsageError {
    let ways = LISTENING.map(|id| format!("--{id}")).join(", ");
    let hint = match bare_word {
        Some(word) => unknown_command(word),
        None => format!("the ways to listen are {ways}; \"postgrey help\" lists all commands"),
    };
    UsageError::refused(format!("--unix or --inet must be specified; {hint}"))
}

fn unknown_command(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let commands: Vec<_> = admin::commands().into_iter().chain(programs()).collect();
    let names = commands.iter().map(Command::get_name).chain([HELP]);
    match suggest::closest(&word, names) {
        Some(name) => format!("unknown command \"{word}\", did you mean \"{name}\"?"),
        None => format!("unknown command \"{word}\", see \"postgrey help\""),
    }
}

/// Returns the information that is asked for ([`flags::information`]): help
/// before manual before version.
fn information(
    matches: &ArgMatches,
    command: &mut Command,
    help: fn(&mut Command) -> String,
    manual: fn(&Command) -> man::Page,
) -> Option<String> {
    if matches.get_flag("help") {
        Some(help(command))
    } else if matches.get_flag("man") {
        Some(manual(command).text())
    } else if matches.get_flag("version") {
        Some(format!("{} {}\n", command.get_name(), env!("CARGO_PKG_VERSION")))
    } else {
        None
    }
}

/// The options of a daemon, be it one that shall not start.
pub fn options(words: Vec<OsString>) -> Result<Options, UsageError> {
    match parse(words)? {
        Invocation::Serve(options) => Ok(*options),
        _ => Err(UsageError::refused("these options print something and start no daemon")),
    }
}

/// Returns the daemon's options: those of the configuration file that the command line does not override, then those of the
/// command line. Empty if the command line is invalid.
///
/// # Errors
/// Those of the configuration file, if the arguments name one.
pub fn merged(words: &[OsString]) -> Result<Vec<Given>, Vec<ConfigError>> {
    let command = flags::command();
    match getopt::rewrite(&command, words.to_vec()) {
        Ok(words) => config::merge(&command, words.options),
        Err(_) => Ok(Vec::new()),
    }
}

/// The default of the daemon's option with this long name, as it would be typed.
#[must_use]
pub fn default_of(name: &str) -> Option<String> {
    let command = flags::command();
    let option = command.get_arguments().find(|arg| arg.get_long() == Some(name))?;
    help::default(option)
}

/// The daemon's arguments without the URL of a shared state, which may have a password
/// in it; `None` if they have none.
#[must_use]
pub fn hidden(words: Vec<OsString>) -> Option<Hidden> {
    let options = getopt::rewrite(&flags::command(), words).ok()?.options;
    let (urls, others): (Vec<_>, Vec<_>) =
        options.into_iter().partition(|given| given.name == shared::OPTION);
    let secret = urls.into_iter().next_back()?.value.unwrap_or_default();
    let words = others.iter().map(Given::word).collect();
    Some(Hidden { words, variable: SHARED_STATE_VARIABLE, secret })
}

/// The tables of options, one a program, from which a shell's completions are
/// made.
#[must_use]
pub fn commands() -> Vec<Command> {
    // A command that is built has the names under which it is called.
    let subcommands = PROGRAMS.iter().map(|program| {
        let called = format!("postgrey {}", program.word);
        (program.command)().name(program.word).bin_name(called)
    });
    let daemon = flags::command().subcommands(admin::commands()).subcommands(subcommands);
    [daemon, report::command(), policy_test::command()].map(with_hints).into()
}

fn with_hints(command: Command) -> Command {
    let names: Vec<String> =
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let command = command.mut_args(|arg| {
        let value = arg.get_value_names().and_then(<[_]>::first).map(|name| name.to_string());
        match (arg.get_id().as_str(), value.as_deref()) {
            ("dbdir", _) => arg.value_hint(ValueHint::DirPath),
            ("user", _) => arg.value_hint(ValueHint::Username),
            (_, Some("FILE" | "PATH")) => arg.value_hint(ValueHint::AnyPath),
            _ => arg,
        }
    });
    names.iter().fold(command, |command, name| command.mut_subcommand(name, with_hints))
}

fn rewritten(command: &Command, arguments: Vec<OsString>) -> Result<getopt::Words, UsageError> {
    getopt::rewrite(command, arguments).map_err(|lines| UsageError::parse(lines.join("\n")))
}

fn matched(command: &mut Command, options: &[Given]) -> Result<ArgMatches, UsageError> {
    let matches = command.try_get_matches_from_mut(options.iter().map(Given::word));
    matches.map_err(|error| UsageError::parse(error.to_string()))
}

#[cfg(test)]
mod tests;
