//! `postgrey show`: the state of a triplet or a client.

use super::edit::{DOMAIN_KEY_HINT, triplet_key};
use super::list::{Printer, object};
use super::text::{self, address, duration, foreign, grouped, labelled, moment};
use super::view::{Entry, Row, View};
use super::{Error, Exit};
use crate::cli::admin::{ClientFilter, Filter, OutputFormat, Target};
use crate::greylist::{self, AwlSubject, ClientState, Policy, TripletState, triplet};
use crate::state::Table;
use std::io::Write;
use std::net::IpAddr;
use std::ops::ControlFlow;

const MAX_ENTRIES: usize = 20;

pub fn run(
    view: &View,
    subject: &Target,
    format: OutputFormat,
    out: &mut impl Write,
) -> Result<Exit, Error> {
    let outcome = match subject {
        Target::Triplet { client, sender, recipient } => {
            let key = triplet_key(&view.policy, client, sender, recipient);
            let row = view.triplet(&key)?;
            match (format, row) {
                (OutputFormat::Json, Some(row)) => object(&Entry { key, row }).write(out)?,
                (OutputFormat::Json, None) => {}
                (OutputFormat::Text, _) => {
                    let counted = counted(&view.policy, client, sender);
                    let sender = triplet::sender_part(sender);
                    let names =
                        [&place(view, client) as &str, &address(&sender), &address(recipient)];
                    show_triplet(view, names, row, counted.as_ref(), out)?;
                    if row.is_none() {
                        note_of_domains(view, client, out)?;
                    }
                }
            }
            row.map(|_| Exit::Done)
        }
        Target::Client(client) => match format {
            OutputFormat::Json => print_json(view, client, out)?,
            OutputFormat::Text => show_client(view, client, out)?,
        },
        Target::Senders { .. } => unreachable!("no words ask for it"),
    };
    Ok(outcome.unwrap_or(match format {
        OutputFormat::Text => Exit::NothingFound,
        OutputFormat::Json => Exit::NothingMatched,
    }))
}

fn show_triplet(
    view: &View,
    [client, sender, recipient]: [&str; 3],
    row: Option<Row>,
    counted: Option<&AwlSubject>,
    out: &mut impl Write,
) -> Result<(), Error> {
    let mut text = labelled("Client", client);
    text += &labelled("Sender", sender);
    text += &labelled("Recipient", recipient);
    match row {
        Some(Row::Triplet(seen, state)) => {
            text += &labelled("State", state.state().word());
            text += &labelled("First seen", &moment(seen.first, view.now));
            text += &labelled("Last seen", &moment(seen.last, view.now));
            text += &labelled("Next", &triplet_future(&view.policy, view.now, state));
        }
        _ => text += &labelled("State", "not known"),
    }
    if row.is_none() {
        text += &labelled("Next", &first_attempt(&view.policy));
    }
    let passes = counted.map_or(Ok(None), |counted| view.passes(counted))?;
    if let Some(Row::Client(passes, ClientState::Exempt { .. })) = passes {
        let passes = text::counted(passes.count, "pass", "passes");
        text += &labelled(
            "But",
            &format!("the client is on the auto-whitelist ({passes}): this mail passes."),
        );
    }
    Ok(out.write_all(text.as_bytes())?)
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

fn show_client(
    view: &View,
    client: &ClientFilter,
    out: &mut impl Write,
) -> Result<Option<Exit>, Error> {
    let heading = labelled("Client", &place(view, client));
    let is_counted = match client {
        ClientFilter::One(address) => show_passes(view, *address, &heading, out)?,
        ClientFilter::Domain(_) => show_entries(view, Table::Clients, client, &heading, out)?,
    };
    if view.policy.privacy {
        out.write_all(labelled("Triplets", "unknown, their keys are hashes").as_bytes())?;
        return Ok(is_counted.then_some(Exit::Done));
    }
    let has_triplets = show_entries(view, Table::Triplets, client, "", out)?;
    if !has_triplets {
        note_of_domains(view, client, out)?;
    }
    Ok((is_counted || has_triplets).then_some(Exit::Done))
}

/// Prints a note about triplets that are stored by domain.
fn note_of_domains(view: &View, client: &ClientFilter, out: &mut impl Write) -> Result<(), Error> {
    if matches!(client, ClientFilter::One(_)) && view.policy.by_domain.triplets {
        out.write_all(labelled("Note", DOMAIN_KEY_HINT).as_bytes())?;
    }
    Ok(())
}

/// Prints the passes of an address; returns true if there are any.
fn show_passes(
    view: &View,
    client: IpAddr,
    heading: &str,
    out: &mut impl Write,
) -> Result<bool, Error> {
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
    out.write_all((heading.to_owned() + &text).as_bytes())?;
    Ok(row.is_some())
}

/// Prints the first entries of a client and their number; returns true if there
/// are any.
fn show_entries(
    view: &View,
    table: Table,
    client: &ClientFilter,
    heading: &str,
    out: &mut impl Write,
) -> Result<bool, Error> {
    let (mut count, mut first) = (0, Vec::new());
    for_each_entry(view, table, client, |entry| {
        count += 1;
        if first.len() < MAX_ENTRIES {
            first.push(entry);
        }
        Ok(())
    })?;
    let more = if count > first.len() { ", of which the first are" } else { "" };
    let label = if table == Table::Clients { "Counted" } else { "Triplets" };
    let line = format!("{}{more}", grouped(count as u64));
    out.write_all((heading.to_owned() + &labelled(label, &line)).as_bytes())?;
    let mut printer = Printer::new(table, OutputFormat::Text, &view.policy);
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

fn print_json(
    view: &View,
    client: &ClientFilter,
    out: &mut impl Write,
) -> Result<Option<Exit>, Error> {
    let mut outcome = None;
    let hidden = view.policy.privacy && matches!(client, ClientFilter::One(_));
    let tables: &[Table] =
        if hidden { &[Table::Clients] } else { &[Table::Clients, Table::Triplets] };
    for table in tables {
        for_each_entry(view, *table, client, |entry| {
            outcome = Some(Exit::Done);
            Ok(object(&entry).write(out)?)
        })?;
    }
    Ok(outcome)
}

fn for_each_entry(
    view: &View,
    table: Table,
    client: &ClientFilter,
    mut take: impl FnMut(Entry) -> Result<(), Error>,
) -> Result<(), Error> {
    let filter = Filter { client: Some(client.clone()), ..Filter::default() };
    view.select(table, &filter, |key, row| {
        take(Entry { key: key.to_vec(), row }).map(ControlFlow::Continue)
    })
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
