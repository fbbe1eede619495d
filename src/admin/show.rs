//! `postgrey show`: what is known of a triplet or a client, and what becomes of
//! it.

use super::list::{Printer, object};
use super::text::{address, duration, foreign, grouped, labelled, moment};
use super::view::{Entry, Row, View};
use super::{Outcome, Trouble};
use crate::cli::admin::{Filter, Form, Subject};
use crate::greylist::{ClientFate, Fate, Policy, triplet};
use crate::store::lmdb::Table;
use std::io::Write;
use std::net::IpAddr;
use std::ops::ControlFlow;

/// How many of a client's triplets are shown.
const MOST_TRIPLETS: usize = 20;

/// Prints it.
pub fn run(
    view: &View,
    subject: &Subject,
    form: Form,
    out: &mut impl Write,
) -> Result<Outcome, Trouble> {
    let outcome = match subject {
        Subject::Triplet { client, sender, recipient } => {
            let key = triplet::key(&view.policy, *client, sender, recipient);
            let row = view.triplet(&key)?;
            match (form, row) {
                (Form::Json, Some(row)) => object(&Entry { key, row }).write(out)?,
                (Form::Json, None) => {}
                (Form::Text, _) => {
                    let sender = triplet::sender_part(sender);
                    let names = [&address(&sender) as &str, &address(recipient)];
                    show_triplet(view, *client, names, row, out)?;
                }
            }
            row.map(|_| Outcome::Done)
        }
        Subject::Client(client) => {
            let row = view.client(*client)?;
            match form {
                Form::Json => print_json(view, *client, row, out)?,
                Form::Text => show_client(view, *client, row, out)?,
            }
        }
        Subject::Senders(_) => unreachable!("no words ask for it"),
    };
    out.flush()?;
    Ok(outcome.unwrap_or(match form {
        Form::Text => Outcome::InVain,
        Form::Json => Outcome::NothingMatched,
    }))
}

fn show_triplet(
    view: &View,
    client: IpAddr,
    [sender, recipient]: [&str; 2],
    row: Option<Row>,
    out: &mut impl Write,
) -> Result<(), Trouble> {
    let mut text = labelled("Client", &place(view, client));
    text += &labelled("Sender", sender);
    text += &labelled("Recipient", recipient);
    match row {
        Some(Row::Triplet(seen, fate)) => {
            text += &labelled("State", fate.state().word());
            text += &labelled("First seen", &moment(seen.first, view.now));
            text += &labelled("Last seen", &moment(seen.last, view.now));
            text += &labelled("Next", &triplet_future(&view.policy, view.now, fate));
        }
        _ => text += &labelled("State", "not known"),
    }
    if row.is_none() {
        text += &labelled("Next", &first_attempt(&view.policy));
    }
    if let Some(Row::Client(passes, ClientFate::Exempt { .. })) = view.client(client)? {
        let count = grouped(passes.count);
        text += &labelled(
            "But",
            &format!("the client is on the auto-whitelist ({count} passes): its mail passes."),
        );
    }
    Ok(out.write_all(text.as_bytes())?)
}

/// What becomes of a triplet, in words.
pub fn triplet_future(policy: &Policy, now: i64, fate: Fate) -> String {
    let at = |seconds| moment(seconds, now);
    match fate {
        Fate::Waits { from, until } if from > now => format!(
            "An attempt before {} is deferred. From then on it passes, until {}; a later one \
             begins anew.",
            at(from),
            at(until)
        ),
        Fate::Waits { until, .. } => format!(
            "The delay is over: an attempt passes until {}; a later one begins anew.",
            at(until)
        ),
        Fate::Passes { until } => {
            format!("Attempts pass. Without one it is forgotten after {}.", at(until))
        }
        Fate::BeginsAnew => format!("It counts no more. {}", first_attempt(policy)),
        Fate::Ends => "It is too old: the next clean-up deletes it.".to_owned(),
    }
}

/// What becomes of a triplet that is not known, in words.
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
    client: IpAddr,
    row: Option<Row>,
    out: &mut impl Write,
) -> Result<Option<Outcome>, Trouble> {
    let mut text = labelled("Client", &place(view, client));
    match row {
        Some(Row::Client(passes, fate)) => {
            text += &labelled("State", fate.state().word());
            text += &labelled("Passes", &grouped(passes.count));
            text += &labelled("Last pass", &moment(passes.last, view.now));
            text += &labelled("Next", &client_future(view, fate));
        }
        _ => text += &labelled("Passes", "none that is remembered"),
    }
    out.write_all(text.as_bytes())?;
    if view.policy.privacy {
        out.write_all(labelled("Triplets", "unknown, their keys are hashes").as_bytes())?;
        return Ok(row.map(|_| Outcome::Done));
    }
    let (mut count, mut first) = (0, Vec::new());
    for_each_triplet(view, client, |entry| {
        count += 1;
        if first.len() < MOST_TRIPLETS {
            first.push(entry);
        }
        Ok(())
    })?;
    let more = if count > first.len() { ", of which the first are" } else { "" };
    let line = format!("{}{more}", grouped(count as u64));
    out.write_all(labelled("Triplets", &line).as_bytes())?;
    let mut printer = Printer::new(Table::Triplets, Form::Text);
    for entry in &first {
        printer.print(entry, out)?;
    }
    Ok((row.is_some() || count > 0).then_some(Outcome::Done))
}

fn client_future(view: &View, fate: ClientFate) -> String {
    let at = |seconds| moment(seconds, view.now);
    match fate {
        ClientFate::Exempt { until } => format!(
            "It is on the auto-whitelist: its mail passes. Without any it is forgotten after {}.",
            at(until)
        ),
        ClientFate::Counts { missing, until } => format!(
            "{} more first passes, at most one an hour, put it on the auto-whitelist. Without \
             one it is forgotten after {}.",
            grouped(missing),
            at(until)
        ),
        ClientFate::Off => "There is no auto-whitelist: passes are not counted.".to_owned(),
        ClientFate::Ends => "It is too old: the next clean-up deletes it.".to_owned(),
    }
}

fn print_json(
    view: &View,
    client: IpAddr,
    row: Option<Row>,
    out: &mut impl Write,
) -> Result<Option<Outcome>, Trouble> {
    let mut outcome = None;
    if let Some(row) = row {
        let key = triplet::client_key(&view.policy, client);
        object(&Entry { key, row }).write(out)?;
        outcome = Some(Outcome::Done);
    }
    if !view.policy.privacy {
        for_each_triplet(view, client, |entry| {
            outcome = Some(Outcome::Done);
            Ok(object(&entry).write(out)?)
        })?;
    }
    Ok(outcome)
}

fn for_each_triplet(
    view: &View,
    client: IpAddr,
    mut take: impl FnMut(Entry) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let filter = Filter { client: Some(client), ..Filter::default() };
    view.select(Table::Triplets, &filter, |key, row| {
        take(Entry { key: key.to_vec(), row }).map(ControlFlow::Continue)
    })
}

/// A client, and the network that stands for it in triplets.
fn place(view: &View, client: IpAddr) -> String {
    let beginning = triplet::beginning(&view.policy, client);
    let network = foreign(beginning.strip_suffix(b"/").unwrap_or(&beginning));
    let client = triplet::client_text(client).to_ascii_lowercase();
    if client == network { client } else { format!("{client}, of the network {network}") }
}
