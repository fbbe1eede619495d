//! One connection of a mail server, of either protocol: bytes in, requests and bytes
//! out.

use super::{milter, policy};
use crate::greylist::Reply;
use crate::request::Request;
use std::fmt;

/// The protocol that is spoken on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Policy,
    Milter,
}

impl Protocol {
    /// Creates a session without input.
    pub fn session(self) -> Box<dyn MailSession> {
        match self {
            Protocol::Policy => Box::new(policy::Session::default()),
            Protocol::Milter => Box::new(milter::Session::default()),
        }
    }
}

/// An event in a session's input.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A request, which has to be answered before the next event
    /// ([`MailSession::request`], [`MailSession::reply`]).
    Request,
    /// A request that lacks an attribute, with the line for the log. It is
    /// answered by [`Reply::Dunno`].
    Incomplete(String),
    Send(Vec<u8>),
    /// A warning for the log; the session continues.
    Warning(Vec<u8>),
    /// An error for the log; the session continues.
    Error(Vec<u8>),
    /// The connection is to be closed, after a warning or without one.
    Close(Option<String>),
}

pub trait MailSession: fmt::Debug {
    /// Adds input. Not while a request waits for its reply: the request is a part of the
    /// input.
    fn feed(&mut self, bytes: &[u8]);

    /// Returns the next event; `None` until there is more input. There are none after
    /// [`Event::Close`].
    fn next_event(&mut self) -> Option<Event>;

    /// The request of the last [`Event::Request`], which waits for its reply.
    fn request(&self) -> Request<'_>;

    /// Notes the reply to the request that waits, and returns its bytes.
    fn reply(&mut self, reply: &Reply) -> Vec<u8>;

    /// Returns true if all input is complete and processed.
    fn is_empty(&self) -> bool;

    /// Releases memory that the last requests took and the next do not need. Not
    /// while a request waits for its reply.
    fn rest(&mut self);

    /// Discards the input that has not been understood yet.
    fn discard(&mut self);

    /// Returns the size of the input buffer in bytes.
    fn buffered(&self) -> usize;

    /// Returns true if a reply demands to hold mail, which this mail server does
    /// not offer.
    fn cannot_hold(&self, _: &Reply) -> bool {
        false
    }

    /// Returns true if an incomplete request exceeds its limit, once there are no
    /// more events. Milter packets announce their length instead.
    fn is_too_long(&self) -> bool {
        false
    }

    /// Returns true if `--exim` applies, which closes a connection after its first
    /// reply: to the policy protocol only, which Exim speaks.
    fn closes_after_one_reply(&self) -> bool {
        false
    }
}
