//! Where mail servers come in: the sockets on which they ask, and how many of
//! those who wait there are let in at a time.

use super::connections::{Connections, SILENCE_TIMEOUT};
use super::rate_limited::RateLimitedError;
use super::session::{Protocol, Session};
use super::socket::{ListeningSocket, Stream};
use crate::daemon::Log;
use mio::{Registry, Token};
use std::io::{self, ErrorKind};
use std::mem;
use std::time::{Duration, Instant};

/// Connections accepted from one socket in one turn.
const MAX_ACCEPTED: usize = 256;

/// How long accepting rests when there are no descriptors left.
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

    /// Returns true if the clients speak this protocol.
    pub fn speaks(&self, protocol: Protocol) -> bool {
        self.protocol == protocol
    }
}

/// The listening sockets of mail servers, with admission of their clients.
pub struct Acceptor {
    listeners: Vec<Listener>,
    /// Listeners that may have clients waiting.
    waiting: Vec<usize>,
    /// No client is accepted before this moment.
    rest_until: Option<Instant>,
    trouble: RateLimitedError,
}

impl Acceptor {
    /// Will let clients in from these sockets. What came before they are watched
    /// gives no event, so that clients may wait at all of them.
    pub fn new(listeners: Vec<Listener>) -> Acceptor {
        let waiting = (0..listeners.len()).collect();
        Acceptor { listeners, waiting, rest_until: None, trouble: RateLimitedError::default() }
    }

    /// How many tokens the sockets take.
    pub fn tokens(&self) -> usize {
        self.listeners.len()
    }

    /// Asks to be told when clients wait, under tokens from `first` on.
    ///
    /// # Errors
    /// When the system has no room for one more.
    pub fn register(&mut self, registry: &Registry, first: usize) -> io::Result<()> {
        let mut listeners = self.listeners.iter_mut().enumerate();
        listeners.try_for_each(|(index, it)| it.socket.register(registry, Token(first + index)))
    }

    /// Notes that clients wait at a socket, by the number of its token from the
    /// first on.
    pub fn note(&mut self, index: usize) {
        self.waiting.push(index);
    }

    /// When clients that may wait at `now` are to be let in, if there may be any.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        self.rest_until.or((!self.waiting.is_empty()).then_some(now))
    }

    /// Lets waiting clients in, as many as one turn should; each is watched under
    /// its key. Gives how many came.
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
        let mut came = 0;
        for index in mem::take(&mut self.waiting) {
            if let Err(error) = self.admit_from(index, connections, &watch, &mut came, log) {
                self.waiting.push(index);
                let open = connections.len();
                if connections.close_silent() == 0 {
                    self.rest_until = Some(Instant::now() + ACCEPT_PAUSE);
                }
                self.trouble.report(|| no_room(&error, open), log);
            }
        }
        came
    }

    /// Lets clients in from one socket until nobody waits there.
    fn admit_from(
        &mut self,
        index: usize,
        connections: &mut Connections,
        watch: &impl Fn(&mut Stream, usize) -> io::Result<()>,
        came: &mut u64,
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
            connections.admit(stream, Session::new(listener.protocol), watch)?;
            *came += 1;
        }
        self.waiting.push(index);
        Ok(())
    }
}

/// What the log says when further clients have to wait.
fn no_room(error: &io::Error, open: usize) -> String {
    format!(
        "can't accept more connections: {error}; {open} are open, further clients wait, and \
         connections that were silent for {} seconds are closed; raise the limit \
         (LimitNOFILE, ulimit -n)",
        SILENCE_TIMEOUT.as_secs()
    )
}
