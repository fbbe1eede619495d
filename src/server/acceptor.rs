//! Listening sockets of mail servers, and the admission of their connections.

use super::accept_queue::AcceptQueue;
use super::connections::{Connections, SILENCE_TIMEOUT};
use super::socket::ListeningSocket;
use crate::daemon::Log;
use crate::daemon::rate_limited::RateLimitedError;
use crate::daemon::stream::Stream;
use crate::session::Protocol;
use mio::{Registry, Token};
use std::io;
use std::time::Instant;

/// A listening socket for mail servers, and the protocol spoken there.
pub type Listener = (ListeningSocket, Protocol);

/// The listening sockets of mail servers, with admission of their clients.
pub struct Acceptor {
    listeners: Vec<Listener>,
    pub queue: AcceptQueue,
    accept_error: RateLimitedError,
}

impl Acceptor {
    pub fn new(listeners: Vec<Listener>) -> Acceptor {
        let queue = AcceptQueue::new(listeners.len());
        Acceptor { listeners, queue, accept_error: RateLimitedError::default() }
    }

    /// The number of tokens that the sockets take.
    pub fn tokens(&self) -> usize {
        self.listeners.len()
    }

    /// Watches for waiting clients, under tokens from `first` on.
    pub fn register(&mut self, registry: &Registry, first: usize) -> io::Result<()> {
        let mut listeners = self.listeners.iter_mut().enumerate();
        listeners
            .try_for_each(|(index, (socket, _))| socket.register(registry, Token(first + index)))
    }

    /// Accepts waiting clients, as many as one batch should; each is watched under its
    /// key. Returns their number.
    pub fn admit(
        &mut self,
        connections: &mut Connections,
        watch: impl Fn(&Stream, usize) -> io::Result<()>,
        log: &mut Log,
    ) -> u64 {
        let mut accepted = 0;
        let failure = self.queue.accept(Instant::now(), |index| {
            connections.expect_room()?;
            let (socket, protocol) = &self.listeners[index];
            let stream = socket.accept(log)?;
            connections.admit(stream, protocol.session(), &watch)?;
            accepted += 1;
            Ok(())
        });
        if let Some(error) = failure {
            let open = connections.len();
            if connections.close_silent() > 0 {
                self.queue.resume();
            }
            self.accept_error.report(|| no_room(&error, open), log);
        }
        accepted
    }
}

fn no_room(error: &io::Error, open: usize) -> String {
    format!(
        "can't accept more connections: {error}; {open} are open, new ones are queued, and \
         connections without a request for {} seconds are closed; raise the limit \
         (LimitNOFILE, ulimit -n)",
        SILENCE_TIMEOUT.as_secs()
    )
}
