//! The history of each mail: its attempts, its delay and its outcome.

use super::super::show::triplet_future;
use super::super::text::{address, duration, foreign, labelled};
use super::super::{Error, Exit, Output};
use super::advice::advice;
use super::attempt::{Attempt, Ids};
use super::mail::{Mail, Mails};
use crate::cli::admin::OutputFormat;
use crate::daemon::clock;
use crate::database::Database;
use crate::greylist::{self, triplet};
use crate::json::Object;
use crate::state::Table;
use crate::state::TripletRecord;
use std::io::Write;

/// The number of mails that are printed to a terminal.
const MAX_MAILS: usize = 50;

pub struct Context<'v> {
    pub mails: &'v Mails,
    pub ids: &'v Ids,
    /// The database, if it can be read.
    pub database: Option<&'v Database>,
    /// Now, in seconds since the epoch.
    pub now: i64,
}

pub fn print(view: &Context, out: &mut Output) -> Result<Exit, Error> {
    let mut mails: Vec<&Mail> = view.mails.ended.iter().chain(view.mails.waiting()).collect();
    mails.retain(|mail| mail.attempts.iter().any(|attempt| view.ids.are_of(attempt)));
    mails.sort_by_key(|mail| mail.first().time);
    if mails.is_empty() {
        return Ok(Exit::NothingMatched);
    }
    if out.format == OutputFormat::Json {
        for (number, mail) in (1_u32..).zip(&mails) {
            json(view, number, mail, out)?;
        }
        return Ok(Exit::Done);
    }
    let skipped = mails.len().saturating_sub(MAX_MAILS);
    if skipped > 0 {
        writeln!(
            out,
            "The last {MAX_MAILS} of {} mails; choose by --sender, --recipient, --client or --id.\n",
            mails.len()
        )?;
    }
    for (number, mail) in mails[skipped..].iter().enumerate() {
        if number > 0 {
            out.write_all(b"\n")?;
        }
        out.write_all(story(view, mail).as_bytes())?;
    }
    Ok(Exit::Done)
}

fn story(view: &Context, mail: &Mail) -> String {
    let first = mail.first();
    let mut text = labelled("Sender", &address(&first.sender));
    text += &labelled("Recipient", &address(&first.recipient));
    for attempt in &mail.attempts {
        let line = format!(
            "{} {}: {}",
            clock::local(attempt.time),
            foreign(&attempt.place()),
            why(attempt)
        );
        text += &labelled("Attempt", &line);
    }
    text += &labelled("Outcome", &outcome(view, mail));
    if let Some(advice) = advice(mail, view.mails.policy()) {
        text += &labelled("Advice", &advice);
    }
    text
}

fn why(attempt: &Attempt) -> String {
    let reason = String::from_utf8_lossy(&attempt.reason);
    match (attempt.is_deferred, reason.as_ref()) {
        (true, "greylisted") => "deferred".to_owned(),
        (true, "new") => "deferred, as nothing was known of it from this network".to_owned(),
        (true, early) if early.starts_with("early-retry") => {
            let missing = early.trim_start_matches("early-retry (").trim_end_matches(" missing)");
            format!("deferred, as it came back {missing} too early")
        }
        (true, other) => format!("deferred ({})", foreign(other.as_bytes())),
        (false, "client whitelist") => "passed, as the client is on a whitelist".to_owned(),
        (false, "recipient whitelist") => "passed, as the recipient is on a whitelist".to_owned(),
        (false, "client AWL") => "passed, as the client is on the auto-whitelist".to_owned(),
        (false, "triplet found") => "passed, as it has waited".to_owned(),
        (false, other) => format!("passed ({})", foreign(other.as_bytes())),
    }
}

fn outcome(view: &Context, mail: &Mail) -> String {
    if let Some(delay) = mail.delay() {
        let ends: Vec<String> = view
            .ids
            .recipients
            .iter()
            .filter(|(to, _)| to.eq_ignore_ascii_case(&mail.first().recipient))
            .map(|(_, status)| format!("; Postfix: {}", foreign(status)))
            .collect();
        let cost = match mail.attempts.len() {
            1 => "passed at once".to_owned(),
            attempts => format!("passed after {}, at attempt {attempts}", duration(delay)),
        };
        return cost + &ends.concat();
    }
    if let Some(future) = future(view, mail) {
        return format!("has not passed. {future}");
    }
    if view.mails.may_return(mail) {
        "has not passed, and may still come back".to_owned()
    } else {
        "never came back in time".to_owned()
    }
}

/// The state of the last attempt's triplet in the database.
fn future(view: &Context, mail: &Mail) -> Option<String> {
    let policy = view.mails.policy();
    let last = mail.last();
    let key = triplet::key(policy, last.as_client(), &last.sender, &last.recipient);
    let row = view.database?.record(Table::Triplets, &key).ok()??;
    let state = greylist::triplet_state(policy, TripletRecord::parse(&row)?, view.now);
    Some(triplet_future(policy, view.now, state))
}

fn json(view: &Context, number: u32, mail: &Mail, out: &mut Output) -> Result<(), Error> {
    for attempt in &mail.attempts {
        let object = Object::new()
            .text("kind", "attempt")
            .number("mail", number)
            .number("time", attempt.time)
            .text("action", if attempt.is_deferred { "deferred" } else { "passed" })
            .text("reason", &attempt.reason)
            .text("client_name", &attempt.name)
            .text("client_address", attempt.client.to_string())
            .text("sender", &attempt.sender)
            .text("recipient", &attempt.recipient);
        object.write(out)?;
    }
    let networks = u32::try_from(mail.networks.len()).unwrap_or(u32::MAX);
    let mut object =
        Object::new().text("kind", "mail").number("mail", number).number("networks", networks);
    object = match mail.delay() {
        Some(delay) => object.text("outcome", "passed").number("delay", delay),
        None if view.mails.may_return(mail) => object.text("outcome", "waiting"),
        None => object.text("outcome", "lost"),
    };
    if let Some(advice) = advice(mail, view.mails.policy()) {
        object = object.text("advice", advice);
    }
    Ok(object.write(out)?)
}
