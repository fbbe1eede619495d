//! `postgrey check --address=...`: what the daemon would answer now, and why.
//! Nothing is written.

use super::super::show::{first_attempt, triplet_future};
use super::super::text::{address, foreign, grouped, labelled, moment};
use super::super::view::View;
use super::super::{Error, Outcome};
use super::verdict::{reason, word};
use crate::cli::Options;
use crate::cli::admin::{OutputFormat, Question};
use crate::daemon::clock;
use crate::daemon::privileges::Identity;
use crate::greylist::{self, AwlKey, Client, HeaderMemory, Policy, TripletState, Verdict, triplet};
use crate::json::Object;
use crate::lists::{Location, Reader, Whitelists};
use crate::request::Request;
use crate::session::policy::reply;
use crate::state::local::{FILE_NAME, Reader as Database, Table};
use crate::state::{self, ClientRecord, Transaction, TripletRecord, Urgency};
use std::io::Write;

/// Answers and explains. `rules_typed`: the options were typed, and count more
/// than what the daemon noted in the database.
pub fn run(
    question: &Question,
    options: &Options,
    rules_typed: bool,
    form: OutputFormat,
    out: &mut impl Write,
) -> Result<Outcome, Error> {
    // Before the lists are read: the daemon may be unable to read what root can.
    Identity::look_up(&options.user, &options.group)?.assume_silently()?;
    let (whitelists, warnings) = Reader::new(options.whitelists.clone()).read();
    let unread = warnings.iter().filter(|warning| warning.unread().is_some());
    let unread = unread.map(ToString::to_string).collect();
    let now = question.at.unwrap_or_else(clock::now);
    let view = match options.dbdir.join(FILE_NAME).try_exists() {
        Ok(false) => None,
        _ => Some(View { now, ..View::open(&options.dbdir)? }),
    };
    let policy = policy(options, view.as_ref().filter(|_| !rules_typed));
    let shown = question.address.to_string();
    let request = Request {
        client_address: shown.as_bytes(),
        client_name: &question.client,
        sender: &question.sender,
        recipient: &question.recipient,
        has_etrn_domain: true,
        is_authenticated: question.has_logged_in,
        // Where all mail comes by --milter, own mail passes without being told to.
        is_unsifted: options.listen.is_none() && options.milter.is_some(),
        ..Request::default()
    };
    let mut looking = Looking(view.as_ref().map(|view| &view.reader));
    let delay = greylist::delay(&policy, &whitelists, &request, &mut Vec::new());
    let verdict = greylist::decide(&policy, &whitelists, &mut looking, now, &request)?.verdict;
    let whitelists = &whitelists;
    let case = Case { policy: &policy, delay, whitelists, unread, now, request, verdict };
    match form {
        OutputFormat::Text => out.write_all(case.text(&mut looking)?.as_bytes())?,
        OutputFormat::Json => case.json(&mut looking)?.write(out)?,
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// The daemon's own numbers, and the texts of the options.
fn policy(options: &Options, view: Option<&View>) -> Policy {
    let Some(view) = view else {
        return options.policy.clone();
    };
    let Policy { delay, retry_window, max_age, lookup, by_domain, auto_whitelist, privacy, .. } =
        view.policy;
    let texts = options.policy.clone();
    Policy { delay, retry_window, max_age, lookup, by_domain, auto_whitelist, privacy, ..texts }
}

/// The database for one decision, which takes nothing in. Nothing is read
/// again in it that the decision would have written.
struct Looking<'r>(Option<&'r Database>);

impl Looking<'_> {
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, state::Error> {
        self.0.map_or(Ok(None), |database| database.row(table, key))
    }
}

impl Transaction for Looking<'_> {
    fn triplet(&mut self, key: &[u8]) -> Result<Option<TripletRecord>, state::Error> {
        Ok(self.row(Table::Triplets, key)?.and_then(|row| TripletRecord::parse(&row)))
    }

    fn put_triplet(&mut self, _: &[u8], _: TripletRecord, _: Urgency) -> Result<(), state::Error> {
        Ok(())
    }

    fn client(&mut self, key: &[u8]) -> Result<Option<ClientRecord>, state::Error> {
        Ok(self.row(Table::Clients, key)?.and_then(|row| ClientRecord::parse(&row)))
    }

    fn put_client(&mut self, _: &[u8], _: ClientRecord) -> Result<(), state::Error> {
        Ok(())
    }

    fn remove(&mut self, _: Table, _: &[u8]) -> Result<bool, state::Error> {
        Ok(false)
    }
}

/// The key of a triplet, and its row if it has one.
type Known = (Vec<u8>, Option<TripletRecord>);

/// A question with its answer.
struct Case<'c> {
    policy: &'c Policy,
    /// Seconds that new mail to the recipient waits.
    delay: i64,
    whitelists: &'c Whitelists,
    /// The lists that the daemon cannot read.
    unread: Vec<String>,
    now: i64,
    request: Request<'c>,
    verdict: Verdict,
}

impl Case<'_> {
    /// The line of a list that decided, and its text.
    fn rule(&self) -> Option<(&Location, String)> {
        let Case { policy, whitelists, request, .. } = self;
        let origin = greylist::rule(policy, whitelists, request, &mut Vec::new())?.1?;
        Some((origin, origin.read_line().unwrap_or_default()))
    }

    fn client(&self) -> Option<Client<'_>> {
        let address = self.request.address()?;
        Some(Client { address, name: self.request.client_name })
    }

    /// None without an address, which a key needs, and where nobody asks for the
    /// triplet since something else lets the mail pass.
    fn asked_triplet(&self, looking: &mut Looking) -> Result<Option<Known>, Error> {
        let Request { sender, recipient, .. } = self.request;
        let is_asked = !matches!(self.verdict, Verdict::Exempt(_));
        let Some(client) = self.client().filter(|_| is_asked) else {
            return Ok(None);
        };
        let key = triplet::key(self.policy, client, sender, recipient);
        let seen = looking.triplet(&key)?;
        Ok(Some((key, seen)))
    }

    /// Of the rows that count the client, the one with most passes.
    fn passes(&self, looking: &mut Looking) -> Result<Option<ClientRecord>, Error> {
        let Some(client) = self.client() else {
            return Ok(None);
        };
        let mut most: Option<ClientRecord> = None;
        for counted in AwlKey::all(self.policy, client, self.request.sender) {
            let row = looking.client(&counted.key(self.policy))?;
            most = row.into_iter().chain(most).max_by_key(|passes| passes.count);
        }
        Ok(most)
    }

    /// The policy by which a row is shown that has not passed.
    fn of_new_mail(&self) -> Policy {
        Policy { delay: self.delay, ..self.policy.clone() }
    }

    /// What becomes of the row.
    fn fate(&self, seen: TripletRecord) -> TripletState {
        match greylist::fate(self.policy, seen, self.now) {
            TripletState::Waits { until, .. } => {
                TripletState::Waits { from: seen.first.saturating_add(self.delay), until }
            }
            other => other,
        }
    }

    /// As the mail server gets it.
    fn reply(&self) -> Vec<u8> {
        let mut memory = HeaderMemory::default();
        let Case { policy, request, verdict, .. } = self;
        let date = clock::header_date;
        let answer = greylist::answer(policy, &mut memory, request, *verdict, date);
        let answer = answer.in_effect(policy);
        let mut bytes = Vec::new();
        reply(&mut bytes, answer.action(policy), &answer);
        bytes.truncate(bytes.trim_ascii_end().len());
        bytes
    }

    fn text(&self, looking: &mut Looking) -> Result<String, Error> {
        let mut text = labelled("Answer", &foreign(&self.reply()));
        for warning in &self.unread {
            text += &labelled("Warning", &foreign(warning.as_bytes()));
        }
        text += &labelled("Because", &reason(self.verdict));
        if self.policy.is_dry_run {
            text += &labelled("Dry run", "with --noaction mail passes, whatever is decided");
        }
        if let Some((origin, rule)) = self.rule() {
            let place = format!("{}:{}", origin.file().display(), origin.line());
            text += &labelled("Rule", &format!("{}, in {place}", foreign(rule.as_bytes())));
            return Ok(text);
        }
        let at = |seconds| moment(seconds, self.now);
        if let Some(ClientRecord { count, last }) = self.passes(looking)? {
            let enough = self.policy.auto_whitelist.unwrap_or(0);
            text += &labelled(
                "Client",
                &format!("{} passes of {enough}, the last {}", grouped(count), at(last)),
            );
        }
        let Some((key, seen)) = self.asked_triplet(looking)? else {
            return Ok(text);
        };
        text += &labelled("Key", &address(&key));
        let Some(seen) = seen else {
            text += &labelled("First seen", "never, or it is forgotten");
            return Ok(text + &labelled("Next", &first_attempt(&self.of_new_mail())));
        };
        text += &labelled("First seen", &at(seen.first));
        text += &labelled("Last seen", &at(seen.last));
        let future = triplet_future(&self.of_new_mail(), self.now, self.fate(seen));
        Ok(text + &labelled("Next", &future))
    }

    fn json(&self, looking: &mut Looking) -> Result<Object, Error> {
        let mut object = Object::new()
            .text("answer", self.reply())
            .text("decision", word(self.verdict))
            .text("reason", reason(self.verdict));
        if self.policy.is_dry_run {
            object = object.truth("dry_run", true);
        }
        if !self.unread.is_empty() {
            object = object.text("warning", self.unread.join("\n"));
        }
        if let Some((origin, rule)) = self.rule() {
            let file = origin.file().as_os_str().as_encoded_bytes();
            object = object.text("file", file).number("line", origin.line()).text("rule", rule);
            return Ok(object);
        }
        if let Verdict::Greylisted { missing, .. } = self.verdict {
            object = object.number("missing", missing);
        }
        if let Some(ClientRecord { count, last }) = self.passes(looking)? {
            object = object.number("client_count", count).number("client_last", last);
        }
        let Some((key, seen)) = self.asked_triplet(looking)? else {
            return Ok(object);
        };
        object = object.text("key", key);
        let Some(seen) = seen else {
            return Ok(object);
        };
        object = object.number("first", seen.first).number("last", seen.last);
        Ok(match self.fate(seen) {
            TripletState::Waits { from, until } => {
                object.number("passes_from", from).number("expires", until)
            }
            TripletState::ClientRecord { until } => object.number("expires", until),
            TripletState::BeginsAnew | TripletState::Ends => object,
        })
    }
}
