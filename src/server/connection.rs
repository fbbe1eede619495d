//! One connection of a mail server: bytes in both directions, never waiting.

use super::line_limit::LineLimit;
use crate::daemon::nonblocking::{unless_blocked, write_out};
use crate::daemon::stream::Stream;
use crate::session::MailSession;
use mio::{Registry, Token};
use std::io::{Read as _, Write as _};
use std::time::Instant;

/// Bytes of replies that may wait for a client to read them. Nothing is read from a
/// client that leaves more unread.
const MAX_UNREAD: usize = 64 * 1024;

/// Bytes of a buffer's capacity that are kept for the next use.
const RETAINED_CAPACITY: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nothing more is read; what was read is still answered.
    Ending,
    /// Nothing more can be read or written.
    Broken,
}

/// A connection with its unread input and unsent output.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    pub session: Box<dyn MailSession>,
    /// True if it is among those that are due.
    pub is_due: bool,
    /// True if the client is on this machine, as far as its address shows.
    pub is_local: bool,
    /// The time of its last request, or of its start.
    pub asked: Instant,
    /// Limits the log lines about malformed input.
    pub line_limit: LineLimit,
    /// Bytes of its buffers when they were last counted.
    pub counted: usize,
    output: Vec<u8>,
    phase: Phase,
    /// True if there may be bytes to read: there is one event when that changes.
    readable: bool,
    /// True if the client has closed its side, after the bytes still to be read.
    half_closed: bool,
    /// True if the session may hold requests that were not handled.
    unanswered: bool,
    /// True if a request waits for the backend.
    awaiting: bool,
    /// True if there are events when the socket can be written again.
    is_watched_for_room: bool,
}

impl Connection {
    pub fn new(stream: Stream, session: Box<dyn MailSession>) -> Connection {
        Connection {
            is_local: stream.is_local(),
            stream,
            session,
            is_due: false,
            asked: Instant::now(),
            line_limit: LineLimit::of_connection(),
            counted: 0,
            output: Vec::new(),
            phase: Phase::Open,
            readable: true,
            half_closed: false,
            unanswered: false,
            awaiting: false,
            is_watched_for_room: false,
        }
    }

    /// Notes that there may be bytes to read, and if the client has closed its side.
    pub fn mark_readable(&mut self, half_closed: bool) {
        self.readable = true;
        self.half_closed |= half_closed;
    }

    pub fn mark_unanswered(&mut self, unanswered: bool) {
        self.unanswered = unanswered;
    }

    /// Notes if a request waits for the backend. Meanwhile nothing more is read, and the
    /// connection stays open for the request's effects.
    pub fn set_awaiting(&mut self, awaiting: bool) {
        self.awaiting = awaiting;
    }

    pub fn is_awaiting(&self) -> bool {
        self.awaiting
    }

    /// Returns true if there may be unhandled requests and room for their replies.
    pub fn wants_a_turn(&self) -> bool {
        let has_input = self.unanswered || (self.phase == Phase::Open && self.readable);
        has_input && self.has_room() && !self.is_awaiting() && !self.is_broken()
    }

    /// Returns true if another reply may be queued.
    pub fn has_room(&self) -> bool {
        self.output.len() < MAX_UNREAD
    }

    /// Reads once into the session, so that one client's flood does not delay
    /// others, unless it still holds requests.
    pub fn read(&mut self, buffer: &mut [u8]) {
        if self.phase != Phase::Open || !self.readable || self.unanswered || self.awaiting {
            return;
        }
        match unless_blocked(|| self.stream.read(buffer)) {
            Ok(Some(0)) => self.end(),
            Ok(Some(length)) => {
                // A short read has emptied the socket and there will be an event for
                // more bytes, but none for an end that has been reported already.
                self.readable = length == buffer.len() || self.half_closed;
                self.session.feed(&buffer[..length]);
            }
            Ok(None) => self.readable = false,
            Err(_) => self.phase = Phase::Broken,
        }
    }

    /// Stops reading, answers what was read, then closes.
    pub fn end(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Ending;
        }
    }

    /// Discards what was not answered, and closes once the replies are sent.
    pub fn hang_up(&mut self) {
        self.session.discard();
        self.unanswered = false;
        self.end();
    }

    pub fn is_broken(&self) -> bool {
        self.phase == Phase::Broken
    }

    pub fn reply(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    /// Sends as much as the socket accepts now.
    pub fn send(&mut self) {
        if write_out(&mut self.output, |bytes| self.stream.write(bytes)).is_err() {
            self.phase = Phase::Broken;
        }
        self.output.shrink_to(RETAINED_CAPACITY);
    }

    /// Watches for room in the socket of a client that has not read everything. For
    /// others that would be a useless event with each reply.
    pub fn expect_room(&mut self, registry: &Registry, token: Token) {
        if self.output.is_empty() || self.is_watched_for_room {
            return;
        }
        match self.stream.watch_for_room(registry, token) {
            Ok(()) => self.is_watched_for_room = true,
            Err(_) => self.phase = Phase::Broken,
        }
    }

    pub fn buffered(&self) -> usize {
        self.session.buffered() + self.output.capacity()
    }

    /// Returns true if it can be closed: nothing is left to send, or nothing can be.
    pub fn is_done(&self) -> bool {
        match self.phase {
            _ if self.awaiting => false,
            Phase::Open => false,
            Phase::Ending => self.output.is_empty() && !self.unanswered,
            Phase::Broken => true,
        }
    }
}
