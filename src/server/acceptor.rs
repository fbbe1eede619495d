//! Listening sockets of mail servers, and the admission of their connections.

use super::connections::{Connections, SILENCE_TIMEOUT};
use super::rate_limited::RateLimitedError;
use super::socket::{ListeningSocket, Stream};
use crate::daemon::Log;
use crate::session::Protocol;
use mio::{Registry, Token};
use std::io::{self, ErrorKind};
use std::mem;
use std::time::{Duration, Instant};

/// Connections accepted from one socket in one batch.
const MAX_ACCEPTED: usize = 256;

/// The pause in accepting when no descriptors are left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listening socket for mail servers, and the protocol spoken there.
#[derive(Debug)]
pub struct Listener {
    socket: ListeningSocket,
    protocol: Protocol,
}

impl Listener {
    /// A socket whose clients speak this protocol.
    pub fn new(socket: ListeningSocket, protocol: Protocol) -> Listener {
        Listener { socket, protocol }
    }

    pub fn speaks(&self, protocol: Protocol) -> bool {
        self.protocol == protocol
    }
}

/// The listening sockets of mail servers, with admission of their clients.
pub struct Acceptor {
    listeners: Vec<Listener>,
    waiting: Vec<usize>,
    /// No client is accepted before this moment.
    rest_until: Option<Instant>,
    accept_error: RateLimitedError,
}

impl Acceptor {
    /// An acceptor for these sockets. Clients that connected before the sockets are
    /// watched cause no event, so clients may wait at each of them.
    pub fn new(listeners: Vec<Listener>) -> Acceptor {
        let waiting = (0..listeners.len()).collect();
        Acceptor { listeners, waiting, rest_until: None, accept_error: RateLimitedError::default() }
    }

    /// The number of tokens that the sockets take.
    pub fn tokens(&self) -> usize {
        self.listeners.len()
    }

    /// Watches for waiting clients, under tokens from `first` on.
    pub fn register(&mut self, registry: &Registry, first: usize) -> io::Result<()> {
        let mut listeners = self.listeners.iter_mut().enumerate();
        listeners.try_for_each(|(index, it)| it.socket.register(registry, Token(first + index)))
    }

    /// Notes that clients wait at a socket, by its number.
    pub fn note(&mut self, index: usize) {
        self.waiting.push(index);
    }

    /// Returns when waiting clients are to be accepted, if there may be any.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        self.rest_until.or((!self.waiting.is_empty()).then_some(now))
    }

    /// Accepts waiting clients, as many as one batch should; each is watched under its
    /// key. Returns their number.
    pub fn admit(
        &mut self,
        connections: &mut Connections,
        watch: impl Fn(&mut Stream, usize) -> io::Result<()>,
        log: &mut Log,
    ) -> u64 {
        if self.rest_until.is_some_and(|moment| Instant::now() < moment) {
            return 0;
        }
        self.rest_until = None;
        self.waiting.sort_unstable();
        self.waiting.dedup();
        let mut accepted = 0;
        for index in mem::take(&mut self.waiting) {
            if let Err(error) = self.admit_from(index, connections, &watch, &mut accepted, log) {
                self.waiting.push(index);
                let open = connections.len();
                if connections.close_silent() == 0 {
                    self.rest_until = Some(Instant::now() + ACCEPT_PAUSE);
                }
                self.accept_error.report(|| no_room(&error, open), log);
            }
        }
        accepted
    }

    /// Accepts clients from one socket until none waits there.
    fn admit_from(
        &mut self,
        index: usize,
        connections: &mut Connections,
        watch: &impl Fn(&mut Stream, usize) -> io::Result<()>,
        accepted: &mut u64,
        log: &mut Log,
    ) -> io::Result<()> {
        for _ in 0..MAX_ACCEPTED {
            connections.expect_room()?;
            let listener = &self.listeners[index];
            let stream = match listener.socket.accept(log) {
                Ok(stream) => stream,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(()),
                    // A client that gave up while it waited.
                    ErrorKind::ConnectionAborted | ErrorKind::Interrupted => continue,
                    _ => return Err(error),
                },
            };
            connections.admit(stream, listener.protocol.session(), watch)?;
            *accepted += 1;
        }
        self.waiting.push(index);
        Ok(())
    }
}

/// The log line when further clients have to wait.
fn no_room(error: &io::Error, open: usize) -> String {
    format!(
        "can't accept more connections: {error}; {open} are open, new ones are queued, and \
         connections without a request for {} seconds are closed; raise the limit \
         (LimitNOFILE, ulimit -n)",
        SILENCE_TIMEOUT.as_secs()
    )
}
