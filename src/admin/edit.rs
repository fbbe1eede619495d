//! `postgrey forget` and `postgrey allow`: changes, by the running daemon where
//! there is one.

use super::list::Printer;
use super::progress::Progress;
use super::text::{counted, grouped};
use super::view::{Entry, View};
use super::{Error, Exit, Output, question};
use crate::cli::admin::{AddressFilter, ClientFilter, Consent, Extent, Filter, Target};
use crate::database::Database;
use crate::greylist::edit::{Change, Edit};
use crate::greylist::{self, Policy, State, triplet};
use crate::session::control::{MAX_EDITS, MAX_REQUEST};
use crate::state::Table;
use std::io::Write;

/// Changes all selected entries and prints them.
pub fn run(
    mut view: View,
    target: &Target,
    change: Change,
    extent: Extent,
    out: &mut Output,
) -> Result<Exit, Error> {
    let Selected { edits, entries } = select(&view, target, &change, extent)?;
    if extent.is_dry_run {
        print_entries(&view.policy, &entries, usize::MAX, out)?;
        return finish_dry_run(&view, &edits, out);
    }
    let changed = edit_all(&mut view.database, &edits)?;
    if changed == 0 {
        return Ok(Exit::NothingMatched);
    }
    print_entries(&view.policy, &entries, MAX_SHOWN, out)?;
    let verb = if change == Change::Allow { "allowed" } else { "forgot" };
    writeln!(out, "{verb} {}", counted(changed as u64, "entry", "entries"))?;
    let is_by_address = matches!(target, Target::Triplet { client: ClientFilter::One(_), .. });
    if view.policy.by_domain.triplets && is_by_address && change == Change::Allow {
        writeln!(out, "{DOMAIN_KEY_HINT}")?;
    }
    print_where(&view.database, out)?;
    Ok(Exit::Done)
}

pub fn clear(mut view: View, consent: Consent, out: &mut Output) -> Result<Exit, Error> {
    let Selected { edits, .. } = found(&view, &Table::ALL, Filter::default(), &Change::Forget)?;
    let number = edits.len() as u64;
    if number == 0 {
        return Ok(Exit::NothingMatched);
    }
    let entries = counted(number, "entry", "entries");
    question::ask(consent, &format!("delete all {entries} of {}", view.database.name()))?;
    let changed = edit_all(&mut view.database, &edits)?;
    writeln!(out, "forgot {}", counted(changed as u64, "entry", "entries"))?;
    print_where(&view.database, out)?;
    Ok(Exit::Done)
}

/// Makes any number of changes; returns the number of those that changed an
/// entry.
pub(super) fn edit_all(database: &mut Database, edits: &[Edit]) -> Result<usize, Error> {
    let mut progress = Progress::new(edits.len());
    let mut changed = 0;
    for batch in batches(edits) {
        changed += database.edit(batch)?;
        progress.advance(batch.len());
    }
    Ok(changed)
}

/// Prints a note if no daemon has made the changes: it may run elsewhere.
pub(super) fn print_where(database: &Database, out: &mut Output) -> Result<(), Error> {
    if !database.has_daemon() {
        let name = database.name();
        writeln!(out, "no daemon runs with {name}; the next one starts with this")?;
    }
    Ok(())
}

/// Entries that are printed of a change to many.
const MAX_SHOWN: usize = 20;

/// Prints entries, at most `limit` of them.
fn print_entries(
    policy: &Policy,
    entries: &[Entry],
    limit: usize,
    out: &mut Output,
) -> Result<(), Error> {
    let mut printer = Printer::new(policy);
    for entry in entries.iter().take(limit) {
        printer.print(entry, out)?;
    }
    if let Some(more @ 1..) = entries.len().checked_sub(limit) {
        writeln!(out, "and {} more", grouped(more as u64))?;
    }
    Ok(())
}

fn finish_dry_run(view: &View, edits: &[Edit], out: &mut Output) -> Result<Exit, Error> {
    let mut known = 0;
    for edit in edits {
        known += u64::from(view.database.record(edit.table, &edit.key)?.is_some());
    }
    if known == 0 {
        return Ok(Exit::NothingMatched);
    }
    writeln!(out, "would forget {}", counted(known, "entry", "entries"))?;
    Ok(Exit::Done)
}

/// Printed when a triplet is named by an address although keys contain domains.
pub(super) const DOMAIN_KEY_HINT: &str = "Mail of clients with a name is kept by its domain \
     (--lookup-by-domain): name that in place of the address.";

/// The number of edits in a request. The daemon accepts more, but mail waits for
/// the commit: each edit changes another page, which takes some 30 microseconds.
const EDITS_PER_REQUEST: usize = MAX_EDITS / 4;

/// Splits edits into requests that the daemon accepts.
pub(super) fn batches(edits: &[Edit]) -> impl Iterator<Item = &[Edit]> {
    // A byte of a key may take four in a request.
    let most_bytes = MAX_REQUEST / 5;
    let mut bytes = 0;
    let mut number = 0;
    edits.chunk_by(move |edit, next| {
        bytes += edit.key.len() + 32;
        number += 1;
        let fits = number < EDITS_PER_REQUEST && bytes + next.key.len() < most_bytes;
        if !fits {
            (bytes, number) = (0, 0);
        }
        fits
    })
}

/// Changes, and the entries that they were found by.
#[derive(Default)]
struct Selected {
    edits: Vec<Edit>,
    entries: Vec<Entry>,
}

impl From<Edit> for Selected {
    fn from(edit: Edit) -> Selected {
        Selected { edits: vec![edit], entries: Vec::new() }
    }
}

fn select(
    view: &View,
    target: &Target,
    change: &Change,
    extent: Extent,
) -> Result<Selected, Error> {
    let policy = &view.policy;
    let edit = |table, key| Selected::from(Edit { table, key, change: change.clone() });
    let is_allowed = *change == Change::Allow;
    match target {
        Target::Triplet { client, sender, recipient } => {
            let is_by_domain = matches!(client, ClientFilter::Domain(_));
            if is_allowed && is_by_domain && !policy.by_domain.triplets {
                return Err(Error::Usage(NOT_BY_DOMAIN.to_owned()));
            }
            let key = triplet_key(policy, client, sender, recipient);
            Ok(edit(Table::Triplets, key))
        }
        Target::Client(client) if is_allowed => {
            must_count(policy, client)?;
            match client {
                ClientFilter::One(client) => {
                    Ok(edit(Table::Clients, triplet::client_key(policy, *client)))
                }
                domain @ ClientFilter::Domain(_) => {
                    found(view, &[Table::Clients], filter(Some(domain), None), change)
                }
            }
        }
        // Hashed triplets of a client cannot be found.
        Target::Client(ClientFilter::One(client)) if policy.privacy || extent.client_only => {
            Ok(edit(Table::Clients, triplet::client_key(policy, *client)))
        }
        Target::Client(client) => found(view, &Table::ALL, filter(Some(client), None), change),
        Target::Senders { client: Some(ClientFilter::Domain(client)), domain }
            if is_allowed || policy.privacy =>
        {
            if is_allowed {
                must_count(policy, &ClientFilter::Domain(client.clone()))?;
            }
            Ok(edit(Table::Clients, triplet::domains_key(policy, client, &whole(domain)?)))
        }
        Target::Senders { client, domain } => {
            let tables: &[Table] = if is_allowed { &[Table::Triplets] } else { &Table::ALL };
            found(view, tables, filter(client.as_ref(), Some(domain)), change)
        }
    }
}

fn filter(client: Option<&ClientFilter>, sender: Option<&Vec<u8>>) -> Filter {
    let sender = sender.cloned().map(|domain| {
        if domain.is_empty() { AddressFilter::One(domain) } else { AddressFilter::Domain(domain) }
    });
    Filter { client: client.cloned(), sender, ..Filter::default() }
}

/// The change for all entries that a filter lets through and that it would
/// change.
fn found(
    view: &View,
    tables: &[Table],
    filter: Filter,
    change: &Change,
) -> Result<Selected, Error> {
    let mut selected = Selected::default();
    for table in tables {
        view.for_each(*table, &filter, |entry| {
            if *change == Change::Forget || entry.row.state() != State::Passed {
                let (key, change) = (entry.key.clone(), change.clone());
                selected.edits.push(Edit { table: *table, key, change });
                selected.entries.push(entry);
            }
            Ok(())
        })?;
    }
    Ok(selected)
}

const NOT_BY_DOMAIN: &str = "the daemon does not look triplets up by domain \
                             (--lookup-by-domain): name the client by its address";

/// Returns an error if a record on the auto-whitelist would not exempt these
/// clients.
fn must_count(policy: &Policy, client: &ClientFilter) -> Result<(), Error> {
    let trouble = if policy.auto_whitelist.is_none() {
        "the daemon runs without an auto-whitelist (--auto-whitelist-clients=0), so that no client \
         can be put on it; use its whitelist of clients"
    } else if matches!(client, ClientFilter::Domain(_)) && !policy.by_domain.auto_whitelist {
        "the daemon does not count passes by domain (--auto-whitelist-by=domain), so that no domain \
         can be put on its auto-whitelist; use its whitelist of clients"
    } else {
        return Ok(());
    };
    Err(Error::Usage(trouble.to_owned()))
}

/// Returns a sender's domain if keys can contain it; the domain of bounces is
/// empty.
fn whole(domain: &[u8]) -> Result<Vec<u8>, Error> {
    if domain.is_empty() {
        return Ok(Vec::new());
    }
    let shown = String::from_utf8_lossy(domain);
    match greylist::registered_domain(domain) {
        Some(registered) if registered == domain => Ok(registered),
        Some(registered) => Err(Error::Usage(format!(
            "passes are counted for the registered domain of senders, which is {}, not {shown}",
            String::from_utf8_lossy(&registered)
        ))),
        None => Err(Error::Usage(format!("{shown} is not a registered domain"))),
    }
}

/// The key of a triplet whose client is an address or a domain.
pub(super) fn triplet_key(
    policy: &Policy,
    client: &ClientFilter,
    sender: &[u8],
    recipient: &[u8],
) -> Vec<u8> {
    match client {
        ClientFilter::One(client) => triplet::key(policy, *client, sender, recipient),
        ClientFilter::Domain(domain) => triplet::key_in_domain(policy, domain, sender, recipient),
    }
}
