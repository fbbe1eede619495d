//! Where a request meets the decision: from an event of a session to a reply
//! and its log lines.

use super::counters::Counters;
use crate::daemon::{Severity, clock};
use crate::greylist::edit::{self, Edit};
use crate::greylist::{self, Answer, HeaderMemory, Note, Policy, Verdict, triplet};
use crate::protocol::policy::{Event, reply};
use crate::request::Request;
use crate::store::{self, Transaction};
use crate::whitelist::Whitelists;

/// All that stays the same from request to request, and the little that does
/// not.
pub struct Greylister {
    policy: Policy,
    whitelists: Whitelists,
    headers: HeaderMemory,
    /// What it did so far.
    pub counters: Counters,
}

/// What became of an event.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Bytes for the client; none for what deserves no reply.
    pub reply: Option<Vec<u8>>,
    /// What the log should say.
    pub lines: Vec<(Severity, Vec<u8>)>,
    /// The database failed, and the mail goes through.
    pub failure: Option<store::Error>,
}

impl Greylister {
    /// Puts the parts together.
    pub fn new(policy: Policy, whitelists: Whitelists) -> Greylister {
        Greylister {
            policy,
            whitelists,
            headers: HeaderMemory::default(),
            counters: Counters::default(),
        }
    }

    /// Goes on with other lists, and gives back the old ones.
    pub fn exchange(&mut self, whitelists: Whitelists) -> Whitelists {
        std::mem::replace(&mut self.whitelists, whitelists)
    }

    /// Handles one event. `now` is in seconds since the epoch.
    pub fn handle(
        &mut self,
        event: Event<'_>,
        transaction: &mut dyn Transaction,
        now: i64,
    ) -> Outcome {
        match event {
            Event::Request(request) => self.answer(&request, transaction, now),
            Event::Missing(name) => {
                self.counters.incomplete += 1;
                let line = format!("attribute missing: {name}");
                Outcome { reply: Some(self.dunno()), ..complaint(line) }
            }
            Event::UnknownType(kind) => {
                let line = [b"unrecognized request type: '".as_slice(), kind, b"'"].concat();
                Outcome { lines: vec![(Severity::Error, line)], ..Outcome::default() }
            }
            Event::Garbage(line) => {
                warning([b"ignoring garbage: <".as_slice(), line, b">"].concat())
            }
            Event::BadTime(time) => warning(
                [b"policy_test_time is no number of seconds, ignoring it: ".as_slice(), time]
                    .concat(),
            ),
        }
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
    ) -> Result<usize, store::Error> {
        edit::apply_all(&self.policy, edits, transaction, now)
    }

    /// The reply that lets mail through.
    pub fn dunno(&self) -> Vec<u8> {
        self.reply(&Answer::Dunno)
    }

    fn answer(
        &mut self,
        request: &Request<'_>,
        transaction: &mut dyn Transaction,
        now: i64,
    ) -> Outcome {
        let Greylister { policy, whitelists, headers, counters } = self;
        let now = request.test_time.unwrap_or(now);
        let decision = match greylist::decide(policy, whitelists, transaction, now, request) {
            Ok(decision) => decision,
            Err(failure) => {
                counters.failures += 1;
                let reply = Some(self.dunno());
                return Outcome { reply, failure: Some(failure), ..Outcome::default() };
            }
        };
        let verdict = decision.verdict;
        counters.count(verdict);
        let answer = greylist::answer(policy, headers, request, verdict, clock::header_date);
        let notes = decision.notes.into_iter();
        let mut lines: Vec<_> =
            notes.map(|note| (Severity::Warning, note_line(note, request))).collect();
        lines.push(if verdict == Verdict::NoAddress {
            let text = b"client_address is not an IP address: ".as_slice();
            (Severity::Complaint, [text, request.client_address].concat())
        } else {
            (Severity::Notice, greylist::log_line(request, verdict, &answer))
        });
        Outcome { reply: Some(self.reply(&answer)), lines, failure: None }
    }

    fn reply(&self, answer: &Answer) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        reply(&mut bytes, &self.policy.greylist_action, answer);
        bytes
    }
}

fn warning(line: impl Into<Vec<u8>>) -> Outcome {
    Outcome { lines: vec![(Severity::Warning, line.into())], ..Outcome::default() }
}

fn complaint(line: impl Into<Vec<u8>>) -> Outcome {
    Outcome { lines: vec![(Severity::Complaint, line.into())], ..Outcome::default() }
}

/// The original's texts (BEHAVIOUR E3, E6).
fn note_line(note: Note, request: &Request<'_>) -> Vec<u8> {
    match note {
        Note::FirstSeenInFuture => b"correcting date for first seen in the future!".to_vec(),
        Note::AutoWhitelisted(client) => {
            let address = triplet::client_text(client);
            if greylist::is_true(request.client_name) {
                let name = request.client_name;
                [b"whitelisted: ".as_slice(), name, b"[", address.as_bytes(), b"]"].concat()
            } else {
                format!("whitelisted: {address}").into_bytes()
            }
        }
        Note::Whitelist(warning) => warning.to_string().into_bytes(),
    }
}
