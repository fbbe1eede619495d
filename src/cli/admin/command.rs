//! The administration commands with their arguments.

use super::args::{OutputFormat, format, given, invalid, named, parsed, text, tool_options};
use super::check::CheckOptions;
use super::explain::{self, ExplainOptions};
use super::{AddressFilter, ClientFilter, Filter, network};
use crate::cli::settings::ToolOptions;
use crate::greylist::filter::bare_address;
use crate::greylist::{State, Table};
use clap::ArgMatches;
use ipnet::IpNet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    pub tool: ToolOptions,
    pub command: Command,
    pub format: OutputFormat,
    /// The file to read in place of the database, to restore or to import. An import
    /// also reads a directory of the original, `-` for standard input, or without this
    /// the directory of the database.
    pub file: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Export {
        /// The only table to print; without it, both.
        table: Option<Table>,
    },
    Import,
    List(ListOptions),
    /// Print the state of a triplet or a client.
    Show(Target),
    Forget(Target, Extent),
    Clear(Consent),
    Restore(Consent),
    Allow(Target),
    Stats,
    Backup(PathBuf),
    CheckDatabase,
    Check(CheckOptions),
    Explain(ExplainOptions),
    Reload,
    Status,
    /// Print the daemon's settings, and where they come from.
    Config {
        /// True if settings with default values are printed as well.
        all: bool,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// True if nothing is deleted, only printed.
    pub is_dry_run: bool,
    /// True if only the entry of the client itself is deleted.
    pub client_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    Given,
    Ask,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListOptions {
    pub filter: Filter,
    pub clients: bool,
    pub sort: Sort,
    pub reverse: bool,
    /// The maximum number of entries.
    pub limit: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// That of their keys: by client, then sender, then recipient.
    Key,
    /// By when they were first seen; clients, by their count.
    First,
    Last,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Triplet {
        client: ClientFilter,
        /// The sender, empty for bounces.
        sender: Vec<u8>,
        recipient: Vec<u8>,
    },
    /// A client, with its network's triplets, or all of a domain.
    Client(ClientFilter),
    /// All with senders at a domain, or all bounces.
    Senders {
        /// Only those of this client or these clients.
        client: Option<ClientFilter>,
        /// The domain, empty for bounces.
        domain: Vec<u8>,
    },
}

/// Returns the command of the matched arguments; the error does not name the
/// command.
pub(super) fn invocation(name: &str, matches: &ArgMatches) -> Result<Invocation, String> {
    let file = match name {
        "import" => given(matches, "from"),
        "list" | "show" | "stats" => given(matches, "file"),
        "restore" => given(matches, "FILE"),
        _ => None,
    };
    Ok(Invocation {
        tool: tool_options(matches),
        command: command(name, matches)?,
        format: format(matches),
        file: file.map(PathBuf::from),
    })
}

fn command(name: &str, matches: &ArgMatches) -> Result<Command, String> {
    Ok(match name {
        "export" => Command::Export { table: table(matches) },
        "import" => Command::Import,
        "list" => Command::List(list(matches)?),
        "show" => Command::Show(target(matches)?),
        "forget" => forget(matches)?,
        "restore" => Command::Restore(consent(matches)),
        "clear" => Command::Clear(consent(matches)),
        "reload" => Command::Reload,
        "status" => Command::Status,
        "config" => Command::Config { all: matches.get_flag("all") },
        "allow" => Command::Allow(target(matches)?),
        "stats" => Command::Stats,
        "explain" => Command::Explain(explain::explain(matches)?),
        "backup" => Command::Backup(text(matches, "FILE").into()),
        name => unreachable!("{name} is in no table of commands"),
    })
}

fn consent(matches: &ArgMatches) -> Consent {
    if matches.get_flag("yes") { Consent::Given } else { Consent::Ask }
}

fn forget(matches: &ArgMatches) -> Result<Command, String> {
    let target = target(matches)?;
    let extent = Extent {
        is_dry_run: matches.get_flag("dry-run"),
        client_only: matches.get_flag("client-only"),
    };
    if extent.client_only && !matches!(target, Target::Client(ClientFilter::One(_))) {
        return Err("--client-only goes with the address of a client and nothing else".to_owned());
    }
    Ok(Command::Forget(target, extent))
}

fn table(matches: &ArgMatches) -> Option<Table> {
    match (matches.get_flag("triplets"), matches.get_flag("clients")) {
        (true, false) => Some(Table::Triplets),
        (false, true) => Some(Table::Clients),
        _ => None,
    }
}

fn list(matches: &ArgMatches) -> Result<ListOptions, String> {
    let addresses = |id| given(matches, id).map(|text| AddressFilter::parse(text.as_bytes()));
    let filter = Filter {
        client: clients(matches, "client")?,
        network: read_network(matches)?,
        sender: addresses("sender"),
        recipient: addresses("recipient"),
        state: state(matches),
    };
    let clients = matches.get_flag("clients");
    if clients && filter.recipient.is_some() {
        return Err("with --clients there is no --recipient".to_owned());
    }
    Ok(ListOptions {
        filter,
        clients,
        sort: sort(matches),
        reverse: matches.get_flag("reverse"),
        limit: parsed(matches, "limit", "a number")?,
    })
}

fn read_network(matches: &ArgMatches) -> Result<Option<IpNet>, String> {
    let Some(word) = given(matches, "network") else {
        return Ok(None);
    };
    let read = word.to_str().and_then(network);
    read.map(Some).ok_or_else(|| invalid("--network", "a network like 192.0.2.0/24", word))
}

fn state(matches: &ArgMatches) -> Option<State> {
    let word = given(matches, "state")?;
    State::ALL.into_iter().find(|state| word == state.word())
}

fn sort(matches: &ArgMatches) -> Sort {
    match text(matches, "sort").as_bytes() {
        b"first" => Sort::First,
        b"last" => Sort::Last,
        _ => Sort::Key,
    }
}

fn target(matches: &ArgMatches) -> Result<Target, String> {
    let domain = matches.try_get_one::<OsString>("sender-domain").ok().flatten();
    let client = clients(matches, "CLIENT")?;
    let address_in = |id| given(matches, id).map(|text| bare_address(text.as_bytes()).to_vec());
    match (client, address_in("SENDER"), address_in("RECIPIENT"), domain) {
        (client, None, None, Some(domain)) => match AddressFilter::parse(domain.as_bytes()) {
            AddressFilter::Domain(domain) => Ok(Target::Senders { client, domain }),
            // An empty word is more likely a script's mistake.
            AddressFilter::One(_) if domain == "<>" => {
                Ok(Target::Senders { client, domain: Vec::new() })
            }
            AddressFilter::One(_) => {
                Err(invalid("--sender-domain", "a domain, or <> for bounces", domain))
            }
        },
        (Some(client), None, None, None) => Ok(Target::Client(client)),
        (Some(client), Some(sender), Some(recipient), None) => {
            Ok(Target::Triplet { client, sender, recipient })
        }
        (Some(_), Some(_), None, None) => {
            Err("a triplet is CLIENT SENDER RECIPIENT, and the recipient is missing".to_owned())
        }
        (None, ..) => Err("name a CLIENT".to_owned()),
        (Some(_), .., Some(_)) => Err("give either SENDER or --sender-domain".to_owned()),
        (Some(_), None, Some(_), None) => unreachable!("words come in order"),
    }
}

fn clients(matches: &ArgMatches, id: &str) -> Result<Option<ClientFilter>, String> {
    let Some(word) = given(matches, id) else {
        return Ok(None);
    };
    ClientFilter::parse(word.as_bytes()).map(Some).map_err(|what| invalid(&named(id), &what, word))
}
