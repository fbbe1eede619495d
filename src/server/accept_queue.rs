//! The listening sockets at which clients wait to be accepted.

use std::io::{self, ErrorKind};
use std::mem;
use std::time::{Duration, Instant};

/// Clients accepted from one socket before others have their turn.
const MAX_ACCEPTED: usize = 256;

/// The pause in accepting when no descriptors are left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The numbers of these sockets.
pub struct AcceptQueue {
    waiting: Vec<usize>,
    /// No client is accepted before this moment.
    paused_until: Option<Instant>,
}

impl AcceptQueue {
    /// Creates the queue of so many sockets. Clients that connected before the sockets
    /// are watched cause no event, so clients may wait at each of them.
    pub fn new(sockets: usize) -> AcceptQueue {
        AcceptQueue { waiting: (0..sockets).collect(), paused_until: None }
    }

    /// Notes that clients wait at a socket.
    pub fn note(&mut self, socket: usize) {
        self.waiting.push(socket);
    }

    /// Returns when waiting clients are to be accepted, if there may be any.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        self.paused_until.or((!self.waiting.is_empty()).then_some(now))
    }

    /// Ends the pause after an error: there is room again.
    pub fn resume(&mut self) {
        self.paused_until = None;
    }

    /// Calls `accept` for the next client of each socket until none waits there. After
    /// an error, which is returned, clients wait for a moment.
    pub fn accept(
        &mut self,
        now: Instant,
        mut accept: impl FnMut(usize) -> io::Result<()>,
    ) -> Option<io::Error> {
        if self.paused_until.is_some_and(|end| now < end) {
            return None;
        }
        self.paused_until = None;
        self.waiting.sort_unstable();
        self.waiting.dedup();
        let mut failure = None;
        for socket in mem::take(&mut self.waiting) {
            let is_empty = accept_all(|| accept(socket)).unwrap_or_else(|error| {
                self.paused_until = Some(now + ACCEPT_PAUSE);
                failure = Some(error);
                false
            });
            if !is_empty {
                self.waiting.push(socket);
            }
        }
        failure
    }
}

/// Accepts the clients of one socket. Returns true if none is left.
fn accept_all(mut accept: impl FnMut() -> io::Result<()>) -> io::Result<bool> {
    for _ in 0..MAX_ACCEPTED {
        match accept().map_err(|error| (error.kind(), error)) {
            // A client that gave up while it waited is skipped.
            Ok(()) | Err((ErrorKind::ConnectionAborted | ErrorKind::Interrupted, _)) => {}
            Err((ErrorKind::WouldBlock, _)) => return Ok(true),
            Err((_, error)) => return Err(error),
        }
    }
    Ok(false)
}
