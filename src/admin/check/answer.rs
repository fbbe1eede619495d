//! `postgrey check --address=...`: what the daemon would answer now, and why.
//! Nothing is written.

use super::super::show::{first_attempt, triplet_future};
use super::super::text::{address, foreign, grouped, labelled, moment};
use super::super::view::View;
use super::super::{Error, Exit, Output};
use super::verdict::reason;
use crate::cli::Options;
use crate::cli::admin::{OutputFormat, TestMail};
use crate::daemon::clock;
use crate::daemon::privileges::Identity;
use crate::database::Database;
use crate::greylist::{
    self, Action, HeaderMemory, Lookup, Plan, Policy, Reason, Record, Records, TripletState,
    Verdict, judge,
};
use crate::json::Object;
use crate::lists::{self, Budget, ListReader, Lists, Location};
use crate::request::Request;
use crate::session::policy;
use crate::state::local::FILE_NAME;
use crate::state::{ClientRecord, TripletRecord};
use std::io::Write;

/// Answers and explains. `rules_typed`: the options were typed, and count more
/// than what the daemon noted in the database.
pub fn run(
    mail: &TestMail,
    options: &Options,
    rules_typed: bool,
    out: &mut Output,
) -> Result<Exit, Error> {
    // Before the lists are read: the daemon may be unable to read what root can.
    Identity::look_up(&options.user, &options.group)?.assume_silently()?;
    let (whitelists, warnings) = ListReader::new(options.lists.clone()).read();
    let unread = warnings.iter().filter(|warning| warning.unread().is_some());
    let unread = unread.map(ToString::to_string).collect();
    let now = mail.at.unwrap_or_else(clock::now);
    let location = options.location();
    let file = location.directory.join(FILE_NAME).try_exists();
    let is_new = file.is_ok_and(|exists| !exists) && location.shared.is_none();
    let view = match Database::open(&location) {
        // No daemon runs, and none ever has.
        Err(_) if is_new => None,
        database => Some(View { now, ..View::new(database?) }),
    };
    let policy = match &view {
        Some(view) if !rules_typed => view.database.metadata().applied_to(options.policy.clone()),
        _ => options.policy.clone(),
    };
    let shown = mail.address.to_string();
    let request = Request {
        client_address: shown.as_bytes(),
        client_name: &mail.client,
        sender: &mail.sender,
        recipient: &mail.recipient,
        has_etrn_domain: true,
        is_authenticated: mail.has_logged_in,
        // Without the policy protocol, own mail passes by default.
        covers_own_users: options.listen.is_none(),
        ..Request::default()
    };
    let database = view.as_ref().map(|view| &view.database);
    let mut case = Case::new(&policy, &whitelists, now, request, database)?;
    case.unread = unread;
    match out.format {
        OutputFormat::Text => out.write_all(case.text().as_bytes())?,
        OutputFormat::Json => case.json().write(out)?,
    }
    Ok(Exit::Done)
}

/// The records of a lookup. A directory without a database has none.
fn records(lookup: &Lookup, database: Option<&Database>) -> Result<Records, Error> {
    let mut records = Records::default();
    for slot in lookup.slots() {
        let (table, key) = lookup.key(slot);
        let row = database.map_or(Ok(None), |database| database.record(table, key))?;
        records.set(slot, row.and_then(|row| Record::parse(table, &row)));
    }
    Ok(records)
}

struct Case<'c> {
    policy: &'c Policy,
    whitelists: &'c Lists,
    /// The lists that the daemon cannot read.
    unread: Vec<String>,
    now: i64,
    request: Request<'c>,
    /// The records that decide, unless an option or a list does.
    known: Option<(Lookup, Records)>,
    verdict: Verdict,
}

impl<'c> Case<'c> {
    fn new(
        policy: &'c Policy,
        whitelists: &'c Lists,
        now: i64,
        request: Request<'c>,
        database: Option<&Database>,
    ) -> Result<Case<'c>, Error> {
        let plan = greylist::plan(policy, whitelists, &request, now, &mut Budget::default());
        let (known, verdict) = match plan {
            Plan::Decided(verdict) => (None, verdict),
            Plan::Lookup(lookup) => {
                let records = records(&lookup, database)?;
                let verdict = judge(policy, &lookup, &records).verdict;
                (Some((lookup, records)), verdict)
            }
        };
        Ok(Case { policy, whitelists, unread: Vec::new(), now, request, known, verdict })
    }

    /// The line of a list that decided, and its text.
    fn rule(&self) -> Option<(&Location, String)> {
        let Case { policy, whitelists, request, .. } = self;
        let location = greylist::rule(policy, whitelists, request, &mut Budget::default())?.1?;
        Some((location, lists::read_line(location).unwrap_or_default()))
    }

    /// The triplet's key and record, where no other record exempts the client.
    fn triplet(&self) -> Option<(&Lookup, Option<TripletRecord>)> {
        let (lookup, records) = self.known.as_ref()?;
        (self.verdict.reason != Reason::AutoWhitelist).then_some((lookup, records.triplet))
    }

    /// Of the records that count the client, the one with most passes.
    fn passes(&self) -> Option<ClientRecord> {
        let (_, records) = self.known.as_ref()?;
        records.clients.into_iter().flatten().max_by_key(|record| record.count)
    }

    /// The policy by which a new triplet of the recipient is judged.
    fn for_new_mail(&self, lookup: &Lookup) -> Policy {
        Policy { delay: lookup.recipient_delay, ..self.policy.clone() }
    }

    fn state(&self, lookup: &Lookup, record: TripletRecord) -> TripletState {
        match greylist::triplet_state(self.policy, record, self.now) {
            TripletState::Waits { until, .. } => TripletState::Waits {
                from: record.first.saturating_add(lookup.recipient_delay),
                until,
            },
            other => other,
        }
    }

    fn reply(&self) -> Vec<u8> {
        let mut memory = HeaderMemory::default();
        let Case { policy, request, verdict, .. } = self;
        let date = clock::header_date;
        let reply = greylist::reply(policy, &mut memory, request, *verdict, date);
        let mut bytes = policy::reply(&reply.in_effect(policy));
        bytes.truncate(bytes.trim_ascii_end().len());
        bytes
    }

    fn text(&self) -> String {
        let mut text = labelled("Answer", &foreign(&self.reply()));
        for warning in &self.unread {
            text += &labelled("Warning", &foreign(warning.as_bytes()));
        }
        text += &labelled("Because", &reason(self.verdict));
        if self.policy.is_dry_run {
            text += &labelled("Dry run", "with --noaction mail passes, whatever is decided");
        }
        if let Some((location, rule)) = self.rule() {
            let place = format!("{}:{}", location.file().display(), location.line());
            text += &labelled("Rule", &format!("{}, in {place}", foreign(rule.as_bytes())));
            return text;
        }
        let at = |seconds| moment(seconds, self.now);
        if let Some(ClientRecord { count, last }) = self.passes() {
            let enough = self.policy.auto_whitelist.unwrap_or(0);
            text += &labelled(
                "Client",
                &format!("{} passes of {enough}, the last {}", grouped(count), at(last)),
            );
        }
        let Some((lookup, seen)) = self.triplet() else {
            return text;
        };
        text += &labelled("Key", &address(&lookup.triplet));
        let new = self.for_new_mail(lookup);
        let Some(seen) = seen else {
            text += &labelled("First seen", "never, or it has expired");
            return text + &labelled("Next", &first_attempt(&new));
        };
        text += &labelled("First seen", &at(seen.first));
        text += &labelled("Last seen", &at(seen.last));
        let future = triplet_future(&new, self.now, self.state(lookup, seen));
        text + &labelled("Next", &future)
    }

    fn json(&self) -> Object {
        let mut object = Object::new()
            .text("answer", self.reply())
            .text("decision", self.verdict.reason.name())
            .text("reason", reason(self.verdict));
        if self.policy.is_dry_run {
            object = object.truth("dry_run", true);
        }
        if !self.unread.is_empty() {
            object = object.text("warning", self.unread.join("\n"));
        }
        if let Some((location, rule)) = self.rule() {
            let file = location.file().as_os_str().as_encoded_bytes();
            object = object.text("file", file).number("line", location.line()).text("rule", rule);
            return object;
        }
        if self.verdict.reason.action() == Action::Greylist {
            object = object.number("missing", self.verdict.seconds);
        }
        if let Some(ClientRecord { count, last }) = self.passes() {
            object = object.number("client_count", count).number("client_last", last);
        }
        let Some((lookup, seen)) = self.triplet() else {
            return object;
        };
        object = object.text("key", &lookup.triplet);
        let Some(seen) = seen else {
            return object;
        };
        object = object.number("first", seen.first).number("last", seen.last);
        match self.state(lookup, seen) {
            TripletState::Waits { from, until } => {
                object.number("passes_from", from).number("expires", until)
            }
            TripletState::Passes { until } => object.number("expires", until),
            TripletState::Restarts | TripletState::Expired => object,
        }
    }
}
