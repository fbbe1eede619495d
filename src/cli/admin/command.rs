//! What an administrator wants done, from the words that were matched.

use super::check::Check;
use super::explain::{self, Explain};
use super::filter::{Addresses, Clients, Filter, address};
use crate::greylist::State;
use clap::ArgMatches;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What an administrator wants done, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Directory of the database (`--dbdir`).
    pub dbdir: PathBuf,
    /// The user whom root becomes before anything is opened (`--user`).
    pub user: String,
    /// The groups that go with it (`--group`).
    pub group: String,
    /// What to do.
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Print all rows.
    Export {
        /// Of which tables.
        tables: Tables,
        /// In which form.
        form: OutputFormat,
    },
    /// Take over the entries of another database.
    Import {
        /// A directory of the original, a file, or `-` for standard input.
        from: PathBuf,
    },
    /// Print entries.
    List(List),
    /// Print what is known of a triplet or a client, and what becomes of it.
    Show(Target, OutputFormat),
    /// Delete entries.
    Forget(Target),
    /// Let entries pass.
    Allow(Target),
    /// Print numbers.
    Stats(OutputFormat),
    /// Copy the database to a file.
    Backup(PathBuf),
    /// Look for damage in the database.
    CheckDatabase,
    /// Look for mistakes in options and lists.
    Check(Check),
    /// Tell from a log why mail was delayed.
    Explain(Explain),
}

/// Which entries to print, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Which entries.
    pub filter: Filter,
    /// Whether clients are meant in place of triplets.
    pub clients: bool,
    /// In which order.
    pub sort: Sort,
    /// Whether the order is turned round.
    pub reverse: bool,
    /// How many at most.
    pub limit: Option<usize>,
    /// In which form.
    pub form: OutputFormat,
}

/// An order of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// That of their keys: by client, then sender, then recipient.
    Key,
    /// By when they were first seen; clients, by their count.
    First,
    /// By when they were last seen.
    Last,
}

/// Whom or what a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One triplet.
    Triplet {
        /// The client's address or domain.
        client: Clients,
        /// The sender, empty for bounces.
        sender: Vec<u8>,
        /// The recipient.
        recipient: Vec<u8>,
    },
    /// A client, with its network's triplets, or all of a domain.
    Client(Clients),
    /// All with senders at a domain, or all bounces.
    Senders {
        /// Only those of this client or these clients.
        client: Option<Clients>,
        /// The domain, empty for bounces.
        domain: Vec<u8>,
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
pub enum OutputFormat {
    /// As text: for people or, where there is one, in the customary format.
    Text,
    /// As one JSON object a line.
    Json,
}

/// What a command's words ask for; an error is a sentence without its command.
pub(super) fn invocation(name: &str, matches: &ArgMatches) -> Result<Invocation, String> {
    Ok(Invocation {
        dbdir: text(matches, "dbdir").into(),
        user: text(matches, "user").to_string_lossy().into_owned(),
        group: text(matches, "group").to_string_lossy().into_owned(),
        command: command(name, matches)?,
    })
}

fn command(name: &str, matches: &ArgMatches) -> Result<Command, String> {
    Ok(match name {
        "export" => Command::Export { tables: tables(matches), form: form(matches) },
        "import" => {
            let from = given(matches, "from").unwrap_or(text(matches, "dbdir"));
            Command::Import { from: from.into() }
        }
        "list" => Command::List(list(matches)?),
        "show" => Command::Show(subject(matches)?, form(matches)),
        "forget" => Command::Forget(subject(matches)?),
        "allow" => Command::Allow(subject(matches)?),
        "stats" => Command::Stats(form(matches)),
        "explain" => Command::Explain(explain::explain(matches)?),
        "backup" => Command::Backup(text(matches, "FILE").into()),
        name => unreachable!("{name} is in no table of commands"),
    })
}

pub(super) fn form(matches: &ArgMatches) -> OutputFormat {
    if matches.get_flag("json") { OutputFormat::Json } else { OutputFormat::Text }
}

fn tables(matches: &ArgMatches) -> Tables {
    match (matches.get_flag("triplets"), matches.get_flag("clients")) {
        (true, false) => Tables::Triplets,
        (false, true) => Tables::Clients,
        _ => Tables::Both,
    }
}

fn list(matches: &ArgMatches) -> Result<List, String> {
    let addresses = |id| given(matches, id).map(|text| Addresses::parse(text.as_bytes()));
    let filter = Filter {
        client: clients(matches, "client")?,
        network: parsed(matches, "network", "a network like 192.0.2.0/24")?,
        sender: addresses("sender"),
        recipient: addresses("recipient"),
        state: state(matches)?,
    };
    let clients = matches.get_flag("clients");
    if clients && filter.recipient.is_some() {
        return Err("with --clients there is no --recipient".to_owned());
    }
    Ok(List {
        filter,
        clients,
        sort: sort(matches)?,
        reverse: matches.get_flag("reverse"),
        limit: parsed(matches, "limit", "a number")?,
        form: form(matches),
    })
}

fn state(matches: &ArgMatches) -> Result<Option<State>, String> {
    let Some(word) = given(matches, "state") else {
        return Ok(None);
    };
    let state = State::ALL.into_iter().find(|state| word == state.word());
    state.map(Some).ok_or_else(|| unlike("--state", "waiting, passed or expired", word))
}

fn sort(matches: &ArgMatches) -> Result<Sort, String> {
    let word = text(matches, "sort");
    match word.as_bytes() {
        b"key" => Ok(Sort::Key),
        b"first" => Ok(Sort::First),
        b"last" => Ok(Sort::Last),
        _ => Err(unlike("--sort", "key, first or last", word)),
    }
}

fn subject(matches: &ArgMatches) -> Result<Target, String> {
    let domain = matches.try_get_one::<OsString>("sender-domain").ok().flatten();
    let client = clients(matches, "CLIENT")?;
    let address_in = |id| given(matches, id).map(|text| address(text.as_bytes()).to_vec());
    match (client, address_in("SENDER"), address_in("RECIPIENT"), domain) {
        (client, None, None, Some(domain)) => match Addresses::parse(domain.as_bytes()) {
            Addresses::Domain(domain) => Ok(Target::Senders { client, domain }),
            // An empty word is more likely a script's mistake.
            Addresses::One(_) if domain == "<>" => {
                Ok(Target::Senders { client, domain: Vec::new() })
            }
            Addresses::One(_) => {
                Err(unlike("--sender-domain", "a domain, or <> for bounces", domain))
            }
        },
        (Some(client), None, None, None) => Ok(Target::Client(client)),
        (Some(client), Some(sender), Some(recipient), None) => {
            Ok(Target::Triplet { client, sender, recipient })
        }
        (Some(_), Some(_), None, None) => {
            Err("a triplet is CLIENT SENDER RECIPIENT, and the recipient is missing".to_owned())
        }
        (None, ..) => Err("say of which CLIENT".to_owned()),
        (Some(_), .., Some(_)) => Err("give either SENDER or --sender-domain".to_owned()),
        (Some(_), None, Some(_), None) => unreachable!("words come in order"),
    }
}

fn clients(matches: &ArgMatches, id: &str) -> Result<Option<Clients>, String> {
    let Some(word) = given(matches, id) else {
        return Ok(None);
    };
    Clients::parse(word).map(Some).map_err(|what| unlike(&named(id), &what, word))
}

/// An option or a word of a command as it is typed.
fn named(id: &str) -> String {
    if id.starts_with(char::is_lowercase) { format!("--{id}") } else { id.to_owned() }
}

/// The value of an option as a type, if it was given.
pub(super) fn parsed<T: std::str::FromStr>(
    matches: &ArgMatches,
    id: &str,
    what: &str,
) -> Result<Option<T>, String> {
    let Some(word) = given(matches, id) else {
        return Ok(None);
    };
    let value = word.to_str().and_then(|word| word.parse().ok());
    value.map(Some).ok_or_else(|| unlike(&named(id), what, word))
}

pub(super) fn unlike(name: &str, what: &str, word: &OsStr) -> String {
    format!("{name} must be {what}, unlike \"{}\"", word.to_string_lossy())
}

pub(super) fn given<'a>(matches: &'a ArgMatches, id: &str) -> Option<&'a OsStr> {
    matches.get_one::<OsString>(id).map(OsString::as_os_str)
}

pub(super) fn text<'a>(matches: &'a ArgMatches, id: &str) -> &'a OsStr {
    given(matches, id).unwrap_or_default()
}
