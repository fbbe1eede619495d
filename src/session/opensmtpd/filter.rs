//! The state of the filter: the sessions of smtpd, and the questions that wait
//! for an answer.

use super::FilterResult;
use super::client::Client;
use super::line::{self, Line, Version};
use crate::session::address;
use crate::session::policy_client;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io::Write;
use std::time::Instant;

const REPORTS: [&str; 6] =
    ["link-connect", "link-auth", "link-disconnect", "tx-begin", "tx-mail", "tx-reset"];

/// More sessions than smtpd can have at once.
const MAX_SESSIONS: usize = 100_000;

/// Bytes of a line that a complaint shows.
const MAX_SHOWN: usize = 100;

/// The sessions of smtpd. Fed lines, it yields questions for the daemon and
/// lines for smtpd.
///
/// Every request gets exactly one result. The results of one session come in
/// the order of its requests: of each session, only one question is with the
/// daemon at any time.
#[derive(Debug, Default)]
pub struct SmtpdFilter {
    adds_header: bool,
    sessions: HashMap<u64, Session>,
    questions: VecDeque<PolicyQuestion>,
    pending: usize,
    output: Vec<u8>,
}

/// A request of smtpd, for [`SmtpdFilter::answer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId {
    pub session: u64,
    pub token: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyQuestion {
    pub request_id: RequestId,
    pub received: Instant,
    /// The number of failed attempts.
    pub attempts: u8,
    /// The bytes of the request in the policy protocol.
    pub request: Vec<u8>,
}

/// A line from smtpd that was ignored.
#[derive(Debug, PartialEq, Eq)]
pub enum Complaint {
    /// A line that is not of the protocol.
    Malformed(Vec<u8>),
    /// An event or phase for which the filter has not registered.
    Unknown(Vec<u8>),
    TooManySessions,
}

#[derive(Debug)]
struct Session {
    client: Client,
    is_authenticated: bool,
    message: Message,
    /// Requests without a result; the first one is with the daemon.
    waiting: VecDeque<Pending>,
}

#[derive(Debug, Default)]
struct Message {
    id: Vec<u8>,
    sender: Option<Vec<u8>>,
    /// A header that the message shall get, until its first line arrives.
    header: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Pending {
    token: u64,
    received: Instant,
    /// `None` if the recipient is accepted without asking.
    request: Option<Vec<u8>>,
}

impl SmtpdFilter {
    /// Creates a filter without sessions, which adds `X-Greylist` to messages
    /// or does not.
    pub fn new(adds_header: bool) -> SmtpdFilter {
        SmtpdFilter { adds_header, ..SmtpdFilter::default() }
    }

    /// Handles a line from smtpd, without its end.
    pub fn line(&mut self, line: &[u8], now: Instant) -> Result<(), Complaint> {
        match line::parse(line) {
            Some(Line::Config(b"ready")) => self.register(),
            Some(Line::Config(_)) => {}
            Some(Line::Report { version, event, session, arguments }) => {
                return self.report(version, event, session, arguments);
            }
            Some(Line::Request { phase: b"rcpt-to", session, token, argument }) => {
                self.recipient(session, token, argument, now);
            }
            Some(Line::Request { phase: b"data-line", session, token, argument }) => {
                self.data_line(session, token, argument);
            }
            Some(Line::Request { phase, session, token, .. }) => {
                // Without a result, smtpd would hold the session for ever.
                push_result(&mut self.output, session, token, &FilterResult::Proceed);
                return Err(Complaint::Unknown(shown(phase)));
            }
            None => return Err(Complaint::Malformed(shown(line))),
        }
        Ok(())
    }

    pub fn next_question(&mut self) -> Option<PolicyQuestion> {
        self.questions.pop_front()
    }

    /// Passes on the daemon's answer to a question.
    pub fn answer(&mut self, request_id: RequestId, result: FilterResult) {
        let RequestId { session: id, token } = request_id;
        let Some(session) = self.sessions.get_mut(&id) else {
            return; // the client has disconnected
        };
        if session.waiting.front().is_none_or(|first| first.token != token) {
            return;
        }
        session.waiting.pop_front();
        self.pending -= 1;
        push_result(&mut self.output, id, token, &result);
        if let FilterResult::Prepend(header) = result {
            session.message.header.get_or_insert(header);
        }
        self.advance(id);
    }

    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Returns the number of requests without a result.
    pub fn pending(&self) -> usize {
        self.pending
    }

    fn register(&mut self) {
        let mut filters = vec!["rcpt-to"];
        filters.extend(self.adds_header.then_some("data-line"));
        for (kind, names) in [("report", &REPORTS[..]), ("filter", &filters[..])] {
            for name in names {
                let line = format!("register|{kind}|smtp-in|{name}\n");
                self.output.extend_from_slice(line.as_bytes());
            }
        }
        self.output.extend_from_slice(b"register|ready\n");
    }

    fn report(
        &mut self,
        version: Version,
        event: &[u8],
        id: u64,
        arguments: &[u8],
    ) -> Result<(), Complaint> {
        if event == b"link-connect" {
            return self.connect(id, arguments);
        }
        if event == b"link-disconnect" {
            self.disconnect(id);
            return Ok(());
        }
        // A session that began before the filter is not known, and passes.
        let Some(session) = self.sessions.get_mut(&id) else {
            return if is_report(event) { Ok(()) } else { Err(Complaint::Unknown(shown(event))) };
        };
        match event {
            b"link-auth" => session.is_authenticated |= line::is_login(version, arguments),
            b"tx-begin" => {
                session.message = Message { id: arguments.to_vec(), ..Message::default() }
            }
            b"tx-mail" => {
                let sender = line::sender(version, arguments);
                session.message.sender = sender.map(address::mailbox);
            }
            b"tx-reset" => session.message = Message::default(),
            unknown => return Err(Complaint::Unknown(shown(unknown))),
        }
        Ok(())
    }

    fn connect(&mut self, id: u64, arguments: &[u8]) -> Result<(), Complaint> {
        let Some(client) = Client::parse(arguments) else {
            return Err(Complaint::Malformed(shown(arguments)));
        };
        if self.sessions.len() >= MAX_SESSIONS {
            return Err(Complaint::TooManySessions);
        }
        self.disconnect(id);
        let session = Session {
            client,
            is_authenticated: false,
            message: Message::default(),
            waiting: VecDeque::new(),
        };
        self.sessions.insert(id, session);
        Ok(())
    }

    fn disconnect(&mut self, id: u64) {
        if let Some(session) = self.sessions.remove(&id) {
            self.pending -= session.waiting.len();
        }
    }

    fn recipient(&mut self, id: u64, token: u64, recipient: &[u8], now: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else {
            push_result(&mut self.output, id, token, &FilterResult::Proceed);
            return;
        };
        let request = session.request(id, recipient);
        session.waiting.push_back(Pending { token, received: now, request });
        self.pending += 1;
        if session.waiting.len() == 1 {
            self.advance(id);
        }
    }

    /// Asks about the first waiting request of a session, after results for
    /// those that need no question.
    fn advance(&mut self, id: u64) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        while let Some(pending) = session.waiting.front_mut() {
            if let Some(request) = pending.request.take() {
                let request_id = RequestId { session: id, token: pending.token };
                let received = pending.received;
                let question = PolicyQuestion { request_id, received, attempts: 0, request };
                self.questions.push_back(question);
                return;
            }
            push_result(&mut self.output, id, pending.token, &FilterResult::Proceed);
            session.waiting.pop_front();
            self.pending -= 1;
        }
    }

    /// Returns a line of a message as it came, after the header if that is due.
    fn data_line(&mut self, id: u64, token: u64, line: &[u8]) {
        let session = self.sessions.get_mut(&id).filter(|_| self.adds_header);
        if let Some(header) = session.and_then(|session| session.message.header.take()) {
            push_data(&mut self.output, id, token, &header);
        }
        push_data(&mut self.output, id, token, line);
    }
}

impl Session {
    /// Returns the request about a recipient, or `None` if the client may send to
    /// all recipients.
    fn request(&self, id: u64, recipient: &[u8]) -> Option<Vec<u8>> {
        let sender = self.message.sender.as_deref();
        let sender = sender.filter(|_| !self.client.is_local && !self.is_authenticated)?;
        let message = String::from_utf8_lossy(&self.message.id);
        Some(policy_client::request(&[
            ("protocol_state", b"RCPT"),
            ("client_address", &self.client.address),
            ("client_name", &self.client.name),
            ("sender", sender),
            ("recipient", &address::mailbox(recipient)),
            ("instance", format!("{id:016x}.{message}").as_bytes()),
            ("queue_id", message.as_bytes()),
        ]))
    }
}

fn is_report(event: &[u8]) -> bool {
    REPORTS.iter().any(|name| name.as_bytes() == event)
}

fn push_result(output: &mut Vec<u8>, session: u64, token: u64, result: &FilterResult) {
    push_head(output, "filter-result", session, token);
    match result {
        FilterResult::Proceed | FilterResult::Prepend(_) => output.extend_from_slice(b"proceed"),
        FilterResult::Reject(line) => {
            output.extend_from_slice(b"reject|");
            output.extend_from_slice(line);
        }
    }
    output.push(b'\n');
}

fn push_data(output: &mut Vec<u8>, session: u64, token: u64, line: &[u8]) {
    push_head(output, "filter-dataline", session, token);
    output.extend_from_slice(line);
    output.push(b'\n');
}

fn push_head(output: &mut Vec<u8>, kind: &str, session: u64, token: u64) {
    // Writing to memory does not fail.
    let _ = write!(output, "{kind}|{session:016x}|{token:016x}|");
}

fn shown(text: &[u8]) -> Vec<u8> {
    text[..text.len().min(MAX_SHOWN)].to_vec()
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Complaint::Malformed(line) => {
                write!(f, "ignored a malformed line from smtpd: {}", line.escape_ascii())
            }
            Complaint::Unknown(event) => {
                write!(f, "ignored an unknown event from smtpd: {}", event.escape_ascii())
            }
            Complaint::TooManySessions => {
                write!(
                    f,
                    "more than {MAX_SESSIONS} sessions; further ones pass without greylisting"
                )
            }
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
