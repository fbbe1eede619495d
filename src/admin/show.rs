//! `postgrey show`: the state of a triplet or a client.

use super::edit::{DOMAIN_KEY_HINT, triplet_key};
use super::list::{Printer, object};
use super::text::{self, address, duration, foreign, grouped, labelled, moment};
use super::view::{Entry, Row, View};
use super::{Error, Exit, Output};
use crate::cli::admin::{ClientFilter, Filter, OutputFormat, Target};
use crate::greylist::{self, AwlSubject, ClientState, Policy, TripletState, triplet};
use crate::state::Table;
use std::io::Write;
use std::net::IpAddr;

const MAX_ENTRIES: usize = 20;

pub fn run(view: &View, target: &Target, out: &mut Output) -> Result<Exit, Error> {
    let is_found = match (target, out.format) {
        (Target::Triplet { client, sender, recipient }, _) => {
            let key = triplet_key(&view.policy, client, sender, recipient);
            let row = view.triplet(&key)?;
            match (out.format, row) {
                (OutputFormat::Text, _) => {
                    let text = triplet_text(view, client, sender, recipient, row)?;
                    out.write_all(text.as_bytes())?;
                }
                (OutputFormat::Json, Some(row)) => object(&Entry { key, row }).write(out)?,
                (OutputFormat::Json, None) => {}
            }
            row.is_some()
        }
        (Target::Client(client), OutputFormat::Json) => print_json(view, client, out)?,
        (Target::Client(client), OutputFormat::Text) => {
            // Nothing is printed before an error.
            let mut text = Vec::new();
            let mut output = Output { format: out.format, to: &mut text };
            let is_found = show_client(view, client, &mut output)?;
            out.write_all(&text)?;
            is_found
        }
        (Target::Senders { .. }, _) => unreachable!("no words ask for it"),
    };
    Ok(match out.format {
        _ if is_found => Exit::Done,
        OutputFormat::Text => Exit::NothingFound,
        OutputFormat::Json => Exit::NothingMatched,
    })
}

fn triplet_text(
    view: &View,
    client: &ClientFilter,
    sender: &[u8],
    recipient: &[u8],
    row: Option<Row>,
) -> Result<String, Error> {
    let mut text = labelled("Client", &place(view, client));
    text += &labelled("Sender", &address(&triplet::sender_part(sender)));
    text += &labelled("Recipient", &address(recipient));
    let next = match row {
        Some(Row::Triplet(seen, state)) => {
            text += &labelled("State", state.state().word());
            text += &labelled("First seen", &moment(seen.first, view.now));
            text += &labelled("Last seen", &moment(seen.last, view.now));
            triplet_future(&view.policy, view.now, state)
        }
        _ => {
            text += &labelled("State", "not known");
            first_attempt(&view.policy)
        }
    };
    text += &labelled("Next", &next);
    let counted = counted(&view.policy, client, sender);
    let passes = counted.map_or(Ok(None), |counted| view.passes(&counted))?;
    if let Some(Row::Client(passes, ClientState::Exempt { .. })) = passes {
        let passes = text::counted(passes.count, "pass", "passes");
        text += &labelled(
            "But",
            &format!("the client is on the auto-whitelist ({passes}): this mail passes."),
        );
    }
    if row.is_none() {
        text += &note_of_domains(view, client);
    }
    Ok(text)
}

pub fn triplet_future(policy: &Policy, now: i64, state: TripletState) -> String {
    let at = |seconds| moment(seconds, now);
    match state {
        TripletState::Waits { from, until } if from > now => format!(
            "An attempt before {} is deferred. From then on it passes, until {}; a later one \
             starts again.",
            at(from),
            at(until)
        ),
        TripletState::Waits { until, .. } => format!(
            "The delay is over: an attempt passes until {}; a later one starts again.",
            at(until)
        ),
        TripletState::Passes { until } => {
            format!("Attempts pass. Without one it is forgotten after {}.", at(until))
        }
        TripletState::Restarts => format!("It counts no more. {}", first_attempt(policy)),
        TripletState::Expired => "It is too old: the next clean-up deletes it.".to_owned(),
    }
}

/// The state of an unknown triplet, in words.
pub fn first_attempt(policy: &Policy) -> String {
    match u64::try_from(policy.delay) {
        Ok(delay @ 1..) => format!(
            "The next attempt counts as the first: it is deferred, and one after {} passes.",
            duration(delay)
        ),
        _ => "The next attempt passes.".to_owned(),
    }
}

/// Prints a client and its entries; returns true if there are any.
fn show_client(view: &View, client: &ClientFilter, out: &mut Output) -> Result<bool, Error> {
    out.write_all(labelled("Client", &place(view, client)).as_bytes())?;
    let is_counted = match client {
        ClientFilter::One(address) => show_passes(view, *address, out)?,
        ClientFilter::Domain(_) => show_entries(view, Table::Clients, client, out)?,
    };
    if view.policy.privacy {
        out.write_all(labelled("Triplets", "unknown, their keys are hashes").as_bytes())?;
        return Ok(is_counted);
    }
    let has_triplets = show_entries(view, Table::Triplets, client, out)?;
    if !has_triplets {
        out.write_all(note_of_domains(view, client).as_bytes())?;
    }
    Ok(is_counted || has_triplets)
}

/// The note about triplets that are stored by domain.
fn note_of_domains(view: &View, client: &ClientFilter) -> String {
    match client {
        ClientFilter::One(_) if view.policy.by_domain.triplets => labelled("Note", DOMAIN_KEY_HINT),
        _ => String::new(),
    }
}

/// Prints the passes of an address; returns true if there are any.
fn show_passes(view: &View, client: IpAddr, out: &mut Output) -> Result<bool, Error> {
    let row = view.passes(&AwlSubject::Client(client))?;
    let text = match row {
        Some(Row::Client(passes, state)) => [
            labelled("State", state.state().word()),
            labelled("Passes", &grouped(passes.count)),
            labelled("Last pass", &moment(passes.last, view.now)),
            labelled("Next", &client_future(view, state)),
        ]
        .concat(),
        _ => labelled("Passes", "none"),
    };
    out.write_all(text.as_bytes())?;
    Ok(row.is_some())
}

/// Prints the first entries of a client and their number; returns true if there
/// are any.
fn show_entries(
    view: &View,
    table: Table,
    client: &ClientFilter,
    out: &mut Output,
) -> Result<bool, Error> {
    let (mut count, mut first) = (0, Vec::new());
    view.for_each(table, &filter(client), |entry| {
        count += 1;
        if first.len() < MAX_ENTRIES {
            first.push(entry);
        }
        Ok(())
    })?;
    let more = if count > first.len() { ", of which the first are" } else { "" };
    let label = if table == Table::Clients { "Counted" } else { "Triplets" };
    let line = format!("{}{more}", grouped(count as u64));
    out.write_all(labelled(label, &line).as_bytes())?;
    let mut printer = Printer::new(&view.policy);
    for entry in &first {
        printer.print(entry, out)?;
    }
    Ok(count > 0)
}

fn client_future(view: &View, state: ClientState) -> String {
    let at = |seconds| moment(seconds, view.now);
    match state {
        ClientState::Exempt { until } => format!(
            "It is on the auto-whitelist: its mail passes. Without any it is forgotten after {}.",
            at(until)
        ),
        ClientState::Counts { missing, until } => format!(
            "{}, at most one an hour, put it on the auto-whitelist. Without one it is forgotten \
             after {}.",
            text::counted(missing, "more first pass", "more first passes"),
            at(until)
        ),
        ClientState::Off => "There is no auto-whitelist: passes are not counted.".to_owned(),
        ClientState::Expired => "It is too old: the next clean-up deletes it.".to_owned(),
    }
}

fn print_json(view: &View, client: &ClientFilter, out: &mut Output) -> Result<bool, Error> {
    let mut is_found = false;
    let hidden = view.policy.privacy && matches!(client, ClientFilter::One(_));
    let tables: &[Table] =
        if hidden { &[Table::Clients] } else { &[Table::Clients, Table::Triplets] };
    for table in tables {
        view.for_each(*table, &filter(client), |entry| {
            is_found = true;
            Ok(object(&entry).write(out)?)
        })?;
    }
    Ok(is_found)
}

fn filter(client: &ClientFilter) -> Filter {
    Filter { client: Some(client.clone()), ..Filter::default() }
}

/// Returns the record that counts a client's mail, if the daemon counts it. An
/// address alone does not have a domain.
fn counted(policy: &Policy, client: &ClientFilter, sender: &[u8]) -> Option<AwlSubject> {
    match client {
        ClientFilter::One(address) => Some(AwlSubject::Client(*address)),
        ClientFilter::Domain(_) if !policy.by_domain.auto_whitelist => None,
        ClientFilter::Domain(client) => {
            let sender = greylist::sender_domain(sender)?;
            Some(AwlSubject::Domains { client: client.clone(), sender })
        }
    }
}

/// A client, and the network that stands for it in triplets; or a domain.
fn place(view: &View, client: &ClientFilter) -> String {
    let client = match client {
        ClientFilter::One(client) => *client,
        ClientFilter::Domain(domain) => return format!("all of the domain {}", foreign(domain)),
    };
    let network = text::network(&view.policy, client);
    let client = client.to_string();
    if client == network { client } else { format!("{client}, of the network {network}") }
}
