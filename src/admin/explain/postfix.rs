//! Greylisted mail in Postfix's own log lines, for daemons that log nothing
//! (`--quiet`): recipients that were refused, and messages that were accepted
//! later.

use super::attempt::{Attempt, LoggedBy};
use crate::maillog::{self, Line, Reject};
use memchr::{memchr, memmem};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// The text of every deferral, unless `--greylist-text` replaces it.
const SIGN: &[u8] = b"Greylisted";

/// The reason of mail that Postfix took, without a word of the daemon.
pub const ACCEPTED: &[u8] = b"accepted by Postfix";

/// The reason of mail that Postfix refused, likewise.
pub const REFUSED: &[u8] = b"greylisted";

/// Reads Postfix's lines; remembers messages until they leave its queue.
#[derive(Default)]
pub struct Postfix {
    queue: HashMap<Vec<u8>, Message>,
}

struct Message {
    time: i64,
    name: Vec<u8>,
    client: IpAddr,
    sender: Option<Vec<u8>>,
}

impl Postfix {
    /// Returns the attempt in a line, perhaps with earlier lines: a recipient that
    /// was deferred, or one whose message was accepted, at that time.
    pub fn attempt(&mut self, line: &Line<'_>) -> Option<Attempt> {
        if !line.program.starts_with(b"postfix") {
            return None;
        }
        let text = line.text.as_ref();
        let queued = maillog::queued(text);
        if let Some(place) = Reject::find(text) {
            let is_greylisted = memmem::find(text, SIGN).is_some();
            let reject = is_greylisted.then(|| Reject::parse(text, place)).flatten()?;
            return Some(refused(line.time, queued.map(|(id, _)| id), &reject));
        }
        let (id, rest) = queued?;
        self.queued(line.time, id, rest)
    }

    fn queued(&mut self, time: i64, id: &[u8], rest: &[u8]) -> Option<Attempt> {
        if let Some(client) = rest.strip_prefix(b" client=") {
            let client = &client[..memchr(b',', client).unwrap_or(client.len())];
            let (name, address) = maillog::client(client.trim_ascii_end())?;
            let client = maillog::address_of(address)?;
            let message = Message { time, name: name.to_vec(), client, sender: None };
            self.queue.insert(id.to_vec(), message);
        } else if let Some(sender) = rest.strip_prefix(b" from=<") {
            let message = self.queue.get_mut(id)?;
            message.sender =
                maillog::address_in_brackets(sender).map(|(sender, _)| maillog::unquoted(sender));
        } else if let Some(recipient) = rest.strip_prefix(b" to=<") {
            let message = self.queue.get(id)?;
            return accepted(id, message, recipient);
        } else if rest.trim_ascii() == b"removed" {
            self.queue.remove(id);
        }
        None
    }
}

fn refused(time: i64, id: Option<&[u8]>, reject: &Reject<'_>) -> Attempt {
    Attempt {
        time,
        id: id.map(<[u8]>::to_vec),
        source: LoggedBy::Postfix,
        is_deferred: true,
        reason: REFUSED.to_vec(),
        name: reject.name.to_vec(),
        client: reject.client,
        sender: maillog::unquoted(reject.sender),
        recipient: maillog::unquoted(reject.recipient),
    }
}

/// The recipient is the one that the client named, before aliases.
fn accepted(id: &[u8], message: &Message, text: &[u8]) -> Option<Attempt> {
    let (recipient, rest) = maillog::address_in_brackets(text)?;
    let original = rest.strip_prefix(b", orig_to=<").and_then(maillog::address_in_brackets);
    let recipient = original.map_or(recipient, |(original, _)| original);
    Some(Attempt {
        time: message.time,
        id: Some(id.to_vec()),
        source: LoggedBy::Postfix,
        is_deferred: false,
        reason: ACCEPTED.to_vec(),
        name: message.name.clone(),
        client: message.client,
        sender: message.sender.clone()?,
        recipient: maillog::unquoted(recipient),
    })
}

/// Seconds that may lie between the daemon's line and Postfix's of one attempt.
const WINDOW: i64 = 10;

/// The number of attempts that wait for their second line.
const MAX_RECENT: usize = 4096;

/// Finds deferred attempts that were logged before: where the daemon is not quiet,
/// it and Postfix write a line each.
#[derive(Default)]
pub struct Duplicates {
    recent: VecDeque<Attempt>,
    newest: i64,
    /// The first to log attempts in an hour, for logs of the same time that are
    /// read one after the other.
    hours: HashMap<i64, LoggedBy>,
}

impl Duplicates {
    /// Returns true if the other program logged this attempt before.
    pub fn has(&mut self, attempt: &Attempt) -> bool {
        let hour = attempt.time.div_euclid(3600);
        let runs_back = attempt.time < self.newest - WINDOW;
        if runs_back && self.hours.get(&hour).is_some_and(|by| *by != attempt.source) {
            return true;
        }
        self.newest = self.newest.max(attempt.time);
        let oldest = self.newest - WINDOW;
        while self.recent.len() >= MAX_RECENT
            || self.recent.front().is_some_and(|first| first.time < oldest)
        {
            self.recent.pop_front();
        }
        if let Some(at) = self.recent.iter().rposition(|other| is_twin(other, attempt)) {
            self.recent.remove(at);
            return true;
        }
        self.recent.push_back(attempt.clone());
        self.hours.entry(hour).or_insert(attempt.source);
        false
    }
}

fn is_twin(one: &Attempt, other: &Attempt) -> bool {
    one.source != other.source
        && one.client == other.client
        && one.time.abs_diff(other.time) <= WINDOW.unsigned_abs()
        && one.mail() == other.mail()
}
