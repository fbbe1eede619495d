//! Where a request meets the decision: from what a session understood to an
//! answer and its log lines.

use super::counters::Counters;
use super::metrics::Stats;
use crate::daemon::{Entry, Format, Severity, clock};
use crate::greylist::edit::{self, Edit};
use crate::greylist::{
    self, Answer, Attempts, AwlKey, Decision, HeaderMemory, Note, Policy, Verdict, triplet,
};
use crate::lists::Whitelists;
use crate::request::Request;
use crate::session::milter::Recipient;
use crate::state::{self, Transaction};

/// All that stays the same from request to request, and the little that does
/// not.
pub struct Engine {
    policy: Policy,
    whitelists: Whitelists,
    headers: HeaderMemory,
    /// What it did so far.
    pub counters: Counters,
    /// What was measured on the way.
    pub measures: Stats,
    /// What a log in JSON says more.
    attempts: Option<Attempts>,
    has_told_of_holding: bool,
}

/// What was decided.
#[derive(Debug)]
pub struct Decided {
    /// What the mail server is told.
    pub answer: Answer,
    /// What the log should say.
    pub lines: Vec<(Severity, Entry)>,
    /// The database failed, and the mail goes through.
    pub failure: Option<state::Error>,
}

impl Engine {
    /// Puts the parts together, for a log that looks so.
    pub fn new(policy: Policy, whitelists: Whitelists, format: Format) -> Engine {
        Engine {
            policy,
            whitelists,
            headers: HeaderMemory::default(),
            counters: Counters::default(),
            measures: Stats::default(),
            attempts: (format == Format::Json).then(Attempts::default),
            has_told_of_holding: false,
        }
    }

    /// Goes on with other lists, and gives back the old ones.
    pub fn exchange(&mut self, whitelists: Whitelists) -> Whitelists {
        std::mem::replace(&mut self.whitelists, whitelists)
    }

    /// The lists that are in use.
    pub fn lists(&self) -> &Whitelists {
        &self.whitelists
    }

    /// Makes an administrator's changes at `now`, in seconds since the epoch.
    /// Gives how many of them changed anything.
    ///
    /// # Errors
    /// When the database fails.
    pub fn edit(
        &self,
        edits: &[Edit],
        transaction: &mut dyn Transaction,
        now: i64,
    ) -> Result<usize, state::Error> {
        edit::apply_all(&self.policy, edits, transaction, now)
    }

    /// What was done so far, for the log; in a dry run it says so.
    pub fn statistics(&self) -> String {
        let dry_run = if self.policy.is_dry_run { "dry-run, " } else { "" };
        format!("statistics: {dry_run}{}", self.counters)
    }

    /// The word before the text of an answer.
    pub fn action(&self, answer: &Answer) -> &[u8] {
        answer.action(&self.policy)
    }

    /// The line for the log when mail should be held by a mail server that
    /// cannot; none once that was said.
    pub fn tell_of_holding(&mut self) -> Option<(Severity, Entry)> {
        let is_news = !std::mem::replace(&mut self.has_told_of_holding, true);
        let line = b"the mail server lets no milter hold mail: HOLD defers it (451) instead";
        is_news.then(|| (Severity::Warning, Entry::Text(line.to_vec())))
    }

    /// Takes back that the message with this instance got its header.
    pub fn forget_header(&mut self, instance: &[u8]) {
        self.headers.forget(instance);
    }

    /// Decides a recipient of the milter protocol, whose message may have its
    /// header already.
    pub fn decide_recipient(
        &mut self,
        recipient: &Recipient<'_>,
        transaction: &mut dyn Transaction,
        now: i64,
    ) -> Decided {
        let mut header = HeaderMemory::of_one_message(recipient.has_header);
        self.decide(&recipient.request, Some(&mut header), transaction, now)
    }

    /// Decides a request at `now`, in seconds since the epoch. `headers` tells
    /// which messages have got their header, where that is not told by their
    /// instances.
    pub fn decide(
        &mut self,
        request: &Request<'_>,
        headers: Option<&mut HeaderMemory>,
        transaction: &mut dyn Transaction,
        now: i64,
    ) -> Decided {
        let Engine { policy, whitelists, counters, .. } = self;
        let now = request.test_time.unwrap_or(now);
        let decision = match greylist::decide(policy, whitelists, transaction, now, request) {
            Ok(decision) => decision,
            Err(failure) => {
                counters.failures += 1;
                let failure = Some(failure);
                return Decided { answer: Answer::Dunno, lines: Vec::new(), failure };
            }
        };
        let verdict = decision.verdict;
        counters.count(verdict);
        self.measures.decided(verdict);
        let headers = headers.unwrap_or(&mut self.headers);
        let answer = greylist::answer(policy, headers, request, verdict, clock::header_date);
        let line = self.line_of(request, &decision, &answer, now);
        let notes = decision.notes.into_iter();
        let notes = notes.map(|note| (Severity::Warning, Entry::Text(note_line(note, request))));
        let lines = notes.chain([line]).collect();
        let answer = answer.in_effect(&self.policy);
        Decided { answer, lines, failure: None }
    }

    /// What the log says of a decision at `now`, in seconds since the epoch.
    fn line_of(
        &mut self,
        request: &Request<'_>,
        Decision { verdict, triplet, .. }: &Decision,
        answer: &Answer,
        now: i64,
    ) -> (Severity, Entry) {
        let Engine { policy, attempts, .. } = self;
        let verdict = *verdict;
        if verdict == Verdict::NoAddress {
            let text = b"client_address is not an IP address: ".as_slice();
            return (Severity::Complaint, Entry::Text([text, request.client_address].concat()));
        }
        let entry = if let Some(attempts) = attempts {
            let triplet = triplet.as_deref();
            let attempts = triplet.and_then(|key| attempts.count(key, verdict, now));
            Entry::Fields(greylist::log_object(policy, request, verdict, attempts))
        } else {
            Entry::Text(greylist::log_line(policy, request, verdict, answer))
        };
        (severity(verdict), entry)
    }
}

/// Mail of the site's own is no news.
fn severity(verdict: Verdict) -> Severity {
    match verdict {
        Verdict::Exempt(exemption) if exemption.is_own() => Severity::Info,
        _ => Severity::Notice,
    }
}

/// The original's texts (BEHAVIOUR E3, E6).
fn note_line(note: Note, request: &Request<'_>) -> Vec<u8> {
    match note {
        Note::FirstSeenInFuture => b"correcting date for first seen in the future!".to_vec(),
        Note::AutoWhitelisted(AwlKey::Client(client)) => {
            let address = triplet::client_text(client);
            if greylist::is_true(request.client_name) {
                let name = request.client_name;
                [b"whitelisted: ".as_slice(), name, b"[", address.as_bytes(), b"]"].concat()
            } else {
                format!("whitelisted: {address}").into_bytes()
            }
        }
        Note::AutoWhitelisted(AwlKey::Domains { client, sender }) => {
            let senders = if sender.is_empty() { b"bounces" } else { sender.as_slice() };
            [b"whitelisted: ".as_slice(), &client, b" for ", senders].concat()
        }
        Note::Whitelist(warning) => warning.to_string().into_bytes(),
    }
}
