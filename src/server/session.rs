//! The sessions of mail servers: each protocol makes requests of its input, and
//! its own bytes of their replies.

use crate::daemon::Severity;
use crate::greylist::Reply;
use crate::request::Request;
use crate::session::{milter, policy};

/// The protocol that is spoken on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Policy,
    Milter,
}

#[derive(Debug)]
pub enum Session {
    Policy(policy::Session),
    Milter(milter::Session),
}

/// An event in a session's input.
#[derive(Debug)]
pub enum Event {
    /// A request, which has to be answered before the next event
    /// ([`Session::request`], [`Session::reply`]).
    Request,
    /// A request that lacks an attribute, with the line for the log. It is
    /// answered by [`Reply::Dunno`].
    Incomplete(String),
    Send(Vec<u8>),
    /// A line for the log; the session continues.
    Report(Severity, Vec<u8>),
    /// The connection is to be closed, after a warning or without one.
    Close(Option<String>),
}

impl Session {
    /// A session without input.
    pub fn new(protocol: Protocol) -> Session {
        match protocol {
            Protocol::Policy => Session::Policy(policy::Session::default()),
            Protocol::Milter => Session::Milter(milter::Session::default()),
        }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        match self {
            Session::Policy(session) => session.feed(bytes),
            Session::Milter(session) => session.feed(bytes),
        }
    }

    /// Discards the input that has not been understood yet.
    pub fn discard(&mut self) {
        *self = match self {
            Session::Policy(_) => Session::new(Protocol::Policy),
            Session::Milter(_) => Session::new(Protocol::Milter),
        };
    }

    pub fn next_event(&mut self) -> Option<Event> {
        match self {
            Session::Policy(session) => session.next_event().map(of_policy),
            Session::Milter(session) => session.next_event().map(of_milter),
        }
    }

    /// The request of the last [`Event::Request`], which waits for its reply.
    pub fn request(&self) -> Request<'_> {
        match self {
            Session::Policy(session) => session.request(),
            Session::Milter(session) => session.request().unwrap_or_default(),
        }
    }

    /// Notes the reply to the request that waits, and returns its bytes.
    pub fn reply(&mut self, reply: &Reply) -> Vec<u8> {
        match self {
            Session::Policy(_) => policy::reply(reply),
            Session::Milter(session) => session.reply(reply),
        }
    }

    /// Returns true if a reply demands to hold mail, which this mail server does
    /// not offer.
    pub fn cannot_hold(&self, reply: &Reply) -> bool {
        match self {
            Session::Policy(_) => false,
            Session::Milter(session) => session.cannot_hold(reply),
        }
    }

    /// Returns true if no input is left.
    pub fn is_empty(&self) -> bool {
        match self {
            Session::Policy(session) => session.is_empty(),
            Session::Milter(session) => session.is_empty(),
        }
    }

    /// Releases memory that is not needed between requests.
    pub fn rest(&mut self) {
        match self {
            Session::Policy(session) => session.rest(),
            Session::Milter(session) => session.rest(),
        }
    }

    /// Returns the size of the input buffer in bytes.
    pub fn buffered(&self) -> usize {
        match self {
            Session::Policy(session) => session.buffered(),
            Session::Milter(session) => session.buffered(),
        }
    }

    /// Returns true if an incomplete request exceeds its limit, once there are no
    /// more events. Milter packets announce their length instead.
    pub fn is_too_long(&self) -> bool {
        match self {
            Session::Policy(session) => session.is_too_long(),
            Session::Milter(_) => false,
        }
    }

    /// Returns true if `--exim` applies, which closes a connection after its first
    /// reply: to the policy protocol only, which Exim speaks.
    pub fn closes_after_one_reply(&self) -> bool {
        matches!(self, Session::Policy(_))
    }
}

fn of_policy(event: policy::Event<'_>) -> Event {
    match event {
        policy::Event::Request => Event::Request,
        policy::Event::Missing(name) => Event::Incomplete(format!("attribute missing: {name}")),
        policy::Event::UnknownType(kind) => {
            let line = [b"unrecognized request type: '".as_slice(), kind, b"'"].concat();
            Event::Report(Severity::Error, line)
        }
        policy::Event::Garbage(line) => {
            let line = [b"ignoring garbage: <".as_slice(), line, b">"].concat();
            Event::Report(Severity::Warning, line)
        }
        policy::Event::BadTime(time) => {
            let line = [b"ignoring invalid policy_test_time: ".as_slice(), time].concat();
            Event::Report(Severity::Warning, line)
        }
    }
}

fn of_milter(event: milter::Event) -> Event {
    match event {
        milter::Event::Recipient => Event::Request,
        milter::Event::Reply(bytes) => Event::Send(bytes),
        milter::Event::Quit => Event::Close(None),
        milter::Event::Broken(fault) => {
            Event::Close(Some(format!("closing a milter connection: {fault}")))
        }
    }
}
