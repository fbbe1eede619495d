//! The two doors by which mail servers come in. Behind both is the same room:
//! a request goes to the [`Engine`], and its answer back in the language of
//! the door.

use super::engine::{Decided, Engine};
use crate::daemon::{Entry, Severity};
use crate::greylist::Answer;
use crate::session::{milter, policy};
use crate::state::{self, Transaction};

/// The language that is spoken on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Postfix's policy delegation protocol.
    Policy,
    /// Sendmail's milter protocol.
    Milter,
}

/// What a connection has read and not yet understood.
#[derive(Debug)]
pub enum Door {
    /// Of the policy protocol.
    Policy(policy::Session),
    /// Of the milter protocol.
    Milter(milter::Session),
}

/// What became of an event.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Bytes for the client; none for what deserves no reply.
    pub reply: Option<Vec<u8>>,
    /// What to tell instead if the disk does not take what the reply stands
    /// on; none for a reply that stands on nothing.
    pub instead: Option<&'static [u8]>,
    /// The instance of the message that gets its header with this reply, where
    /// the door itself does not know.
    pub header_of: Option<Vec<u8>>,
    /// What the log should say.
    pub lines: Vec<(Severity, Entry)>,
    /// The database failed, and the mail goes through.
    pub failure: Option<state::Error>,
    /// Nothing more can come of the connection.
    pub is_last: bool,
}

impl Outcome {
    /// The reply that tells a decision.
    fn of(decided: Decided, reply: Vec<u8>, instead: &'static [u8]) -> Outcome {
        let Decided { lines, failure, .. } = decided;
        let (reply, instead) = (Some(reply), Some(instead));
        Outcome { reply, instead, lines, failure, ..Outcome::default() }
    }

    fn line(severity: Severity, line: impl Into<Vec<u8>>) -> Outcome {
        Outcome { lines: vec![(severity, Entry::Text(line.into()))], ..Outcome::default() }
    }
}

impl Door {
    /// A door that nobody came through yet.
    pub fn new(protocol: Protocol) -> Door {
        match protocol {
            Protocol::Policy => Door::Policy(policy::Session::default()),
            Protocol::Milter => Door::Milter(milter::Session::default()),
        }
    }

    /// Takes bytes from the mail server.
    pub fn feed(&mut self, bytes: &[u8]) {
        match self {
            Door::Policy(session) => session.feed(bytes),
            Door::Milter(session) => session.feed(bytes),
        }
    }

    /// Forgets what was not understood yet.
    pub fn forget(&mut self) {
        match self {
            Door::Policy(session) => *session = policy::Session::default(),
            Door::Milter(session) => *session = milter::Session::default(),
        }
    }

    /// Whether all that was fed was understood, and nothing is left.
    pub fn is_empty(&self) -> bool {
        match self {
            Door::Policy(session) => session.is_empty(),
            Door::Milter(session) => session.is_empty(),
        }
    }

    /// Gives back memory that is not needed now.
    pub fn rest(&mut self) {
        match self {
            Door::Policy(session) => session.rest(),
            Door::Milter(session) => session.rest(),
        }
    }

    /// Bytes that the buffer takes.
    pub fn buffered(&self) -> usize {
        match self {
            Door::Policy(session) => session.buffered(),
            Door::Milter(session) => session.buffered(),
        }
    }

    /// Whether a request has grown too long, to be asked when there are no more
    /// events. A milter's packets tell their length beforehand.
    pub fn is_too_long(&self) -> bool {
        match self {
            Door::Policy(session) => session.is_too_long(),
            Door::Milter(_) => false,
        }
    }

    /// Whether a connection ends after its first answer if `--exim` says so:
    /// only the policy protocol, which Exim speaks.
    pub fn may_end_after_one_reply(&self) -> bool {
        matches!(self, Door::Policy(_))
    }

    /// Takes back the last answer, in whose place another was told.
    pub fn withdraw(&mut self) {
        match self {
            Door::Policy(_) => {}
            Door::Milter(session) => session.withdraw(),
        }
    }

    /// Handles the next event at `now`, in seconds since the epoch; none if
    /// there is nothing left to handle.
    pub fn handle_next(
        &mut self,
        greylister: &mut Engine,
        transaction: &mut dyn Transaction,
        now: i64,
    ) -> Option<Outcome> {
        match self {
            Door::Policy(session) => {
                let event = session.next_event()?;
                Some(handle_policy(event, greylister, transaction, now))
            }
            Door::Milter(session) => handle_milter(session, greylister, transaction, now),
        }
    }
}

fn handle_policy(
    event: policy::Event<'_>,
    greylister: &mut Engine,
    transaction: &mut dyn Transaction,
    now: i64,
) -> Outcome {
    match event {
        policy::Event::Request(request) => {
            let decided = greylister.decide(&request, None, transaction, now);
            let mut reply = Vec::with_capacity(128);
            policy::reply(&mut reply, greylister.action(&decided.answer), &decided.answer);
            let has_header = matches!(decided.answer, Answer::Prepend(_));
            let header_of = request.instance.filter(|_| has_header).map(<[u8]>::to_vec);
            Outcome { header_of, ..Outcome::of(decided, reply, policy::DUNNO) }
        }
        policy::Event::Missing(name) => {
            greylister.counters.incomplete += 1;
            Outcome {
                reply: Some(policy::DUNNO.to_vec()),
                ..Outcome::line(Severity::Complaint, format!("attribute missing: {name}"))
            }
        }
        policy::Event::UnknownType(kind) => {
            let line = [b"unrecognized request type: '".as_slice(), kind, b"'"].concat();
            Outcome::line(Severity::Error, line)
        }
        policy::Event::Garbage(line) => Outcome::line(
            Severity::Warning,
            [b"ignoring garbage: <".as_slice(), line, b">"].concat(),
        ),
        policy::Event::BadTime(time) => Outcome::line(
            Severity::Warning,
            [b"policy_test_time is no number of seconds, ignoring it: ".as_slice(), time].concat(),
        ),
    }
}

fn handle_milter(
    session: &mut milter::Session,
    greylister: &mut Engine,
    transaction: &mut dyn Transaction,
    now: i64,
) -> Option<Outcome> {
    let mut decided = match session.next_event()? {
        milter::Event::Recipient(recipient) => {
            greylister.decide_recipient(&recipient, transaction, now)
        }
        milter::Event::Reply(bytes) => {
            return Some(Outcome { reply: Some(bytes), ..Outcome::default() });
        }
        milter::Event::Quit => return Some(Outcome { is_last: true, ..Outcome::default() }),
        milter::Event::Broken(fault) => {
            let line = format!("closing a connection of the milter protocol: {fault}");
            return Some(Outcome { is_last: true, ..Outcome::line(Severity::Warning, line) });
        }
    };
    let action = greylister.action(&decided.answer);
    let reply = session.answer(action, &decided.answer);
    if session.cannot_hold(action, &decided.answer) {
        decided.lines.extend(greylister.tell_of_holding());
    }
    Some(Outcome::of(decided, reply, milter::CONTINUE))
}
