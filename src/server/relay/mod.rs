//! The SMTP proxy: clients on one side, a mail server on the other.
//!
//! The event loop calls [`Relay::run`], has the questions decided, and returns
//! the decisions; sockets, names and hand-overs are handled here. All sockets are
//! in a separate poll, which the loop can watch ([`Relay::poll`]). Every client
//! is in one stage at a time ([`client`]).

mod backend;
mod client;
mod copy;
mod limits;
mod probe;
mod shared;
mod stream;
mod tls;

#[cfg(test)]
mod tests;

use super::accept_queue::AcceptQueue;
use crate::daemon::Severity;
use crate::daemon::rate_limited::RateLimitedError;
use crate::daemon::stream::Stream;
use crate::dns::{ClientNames, Resolver, Servers};
use client::Client;
use limits::Limits;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use probe::Probe;
use shared::{Activity, Shared};
use slab::Slab;
use std::io::{self, Write};
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

pub use shared::{BACKEND_TIMEOUT, ClientQuestion, RelayOptions, RelayStats};
pub use tls::TlsFiles;

const MAX_EVENTS: usize = 1024;

/// The interval of checks of the clients' deadlines.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);

/// The reply to a client over the limits.
const TOO_MANY: &[u8] = b"421 4.7.0 Error: too many connections\r\n";

pub struct Relay {
    poll: Poll,
    events: Events,
    /// The listening sockets, which have the first tokens.
    sockets: Vec<TcpListener>,
    queue: AcceptQueue,
    accept_error: RateLimitedError,
    shared: Shared,
    names: ClientNames,
    probe: Probe,
    limits: Limits,
    clients: Slab<Client>,
    ready: Vec<usize>,
    /// The last events may not have been all.
    has_more_events: bool,
    next_expiry: Instant,
}

impl Relay {
    pub fn new(
        options: RelayOptions,
        mut sockets: Vec<TcpListener>,
        dns: Servers,
    ) -> Result<Relay, String> {
        let unwatchable = |error: io::Error| format!("cannot watch sockets: {error}");
        let poll = Poll::new().map_err(unwatchable)?;
        let registry = poll.registry();
        for (index, socket) in sockets.iter_mut().enumerate() {
            let watched = registry.register(socket, Token(index), Interest::READABLE);
            watched.map_err(unwatchable)?;
        }
        let own = || registry.try_clone().map_err(unwatchable);
        let probe_token = sockets.len();
        let dns_token = probe_token + 1;
        let resolver = Resolver::new(dns.within(options.dns_timeout), own()?, dns_token);
        let now = Instant::now();
        Ok(Relay {
            queue: AcceptQueue::new(sockets.len()),
            sockets,
            accept_error: RateLimitedError::default(),
            names: ClientNames::new(resolver, options.dns_timeout),
            probe: Probe::new(Token(probe_token)),
            limits: Limits::new(options.max_clients),
            shared: Shared::new(options, own()?, dns_token + Resolver::TOKENS)?,
            clients: Slab::new(),
            ready: Vec::new(),
            has_more_events: false,
            next_expiry: now + EXPIRY_INTERVAL,
            poll,
            events: Events::with_capacity(MAX_EVENTS),
        })
    }

    /// The poll with all sockets; it is readable when there is something to do.
    pub fn poll(&self) -> &Poll {
        &self.poll
    }

    fn note(&mut self, now: Instant) {
        // Without events there still may be something due.
        if self.poll.poll(&mut self.events, Some(Duration::ZERO)).is_err() {
            return;
        }
        for event in &self.events {
            let token = event.token();
            match token.0.checked_sub(self.shared.first_token) {
                Some(index) => self.ready.push(index / 2),
                None if token.0 < self.sockets.len() => self.queue.note(token.0),
                None if token.0 == self.sockets.len() => self.probe.advance(&mut self.shared),
                None => self.names.handle(token, now),
            }
        }
        self.has_more_events = self.events.iter().count() >= MAX_EVENTS;
    }

    /// Does everything that needs no waiting. Questions and log lines are left
    /// to be taken.
    pub fn run(&mut self) {
        let now = Instant::now();
        let before = self.shared.probe_state;
        self.note(now);
        self.probe.tick(now, &mut self.shared);
        if self.shared.probe_state != before {
            self.ready.extend(self.clients.iter().map(|(key, _)| key));
        }
        self.accept(now);
        self.names.tick(now);
        for (key, name) in self.names.completed() {
            let key = key as usize;
            if let Some(client) = self.clients.get_mut(key) {
                client.named(key, name, &mut self.shared);
            }
        }
        for key in mem::take(&mut self.ready) {
            self.advance(key);
        }
        if self.next_expiry <= now {
            self.next_expiry = now + EXPIRY_INTERVAL;
            self.expire(now);
        }
    }

    /// Ends the waits that are over at this time.
    fn expire(&mut self, now: Instant) {
        let keys: Vec<usize> = self.clients.iter().map(|(key, _)| key).collect();
        for key in keys {
            let state = self.clients[key].expire(key, now, &mut self.shared);
            self.settle(key, state);
        }
    }

    /// Returns when to call [`Relay::run`] if no event comes first.
    pub fn deadline(&self) -> Option<Instant> {
        let Shared { questions, lines, .. } = &self.shared;
        let is_idle = self.ready.is_empty() && questions.is_empty() && lines.is_empty();
        if self.has_more_events || !is_idle {
            return Some(Instant::now());
        }
        let expiry = (!self.clients.is_empty()).then_some(self.next_expiry);
        let clients = self.queue.due(Instant::now());
        let others = [clients, expiry, self.names.deadline(), Some(self.probe.deadline)];
        others.into_iter().flatten().min()
    }

    pub fn questions(&mut self) -> Vec<ClientQuestion> {
        mem::take(&mut self.shared.questions)
    }

    /// Applies the decision on a client's exemption.
    pub fn exempt(&mut self, ticket: usize, is_exempt: bool) {
        if let Some(client) = self.clients.get_mut(ticket) {
            client.judged(ticket, is_exempt, &mut self.shared);
            self.advance(ticket);
        }
    }

    /// Applies the decision on a recipient, which is refused with this line or
    /// passes.
    pub fn answer(&mut self, ticket: usize, refusal: Option<Vec<u8>>) {
        if let Some(client) = self.clients.get_mut(ticket) {
            client.answered(ticket, refusal, &mut self.shared);
            self.advance(ticket);
        }
    }

    pub fn lines(&mut self) -> Vec<(Severity, String)> {
        mem::take(&mut self.shared.lines)
    }

    pub fn stats(&self) -> RelayStats {
        self.shared.stats
    }

    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Reads the certificate again, asks these DNS servers from now on, and asks
    /// the mail server for its extensions.
    pub fn reload(&mut self, dns: Servers) {
        self.names.set_servers(dns, Instant::now());
        if let Some(files) = &self.shared.options.tls {
            match files.read() {
                Ok(config) => self.shared.tls = Some(config),
                Err(error) => {
                    let line = format!("{error}; the old certificate remains in use");
                    self.shared.lines.push((Severity::Error, line));
                }
            }
        }
        self.probe.hurry();
    }

    fn advance(&mut self, key: usize) {
        if let Some(client) = self.clients.get_mut(key) {
            let state = client.advance(key, &mut self.shared);
            self.settle(key, state);
        }
    }

    fn settle(&mut self, key: usize, state: Activity) {
        match state {
            Activity::Waiting => {}
            Activity::Ready => self.ready.push(key),
            Activity::Over => {
                let client = self.clients.remove(key);
                self.limits.release(client.peer.ip().to_canonical());
            }
        }
    }

    fn accept(&mut self, now: Instant) {
        let mut accepted = Vec::new();
        let failure = self.queue.accept(now, |index| {
            accepted.push(self.sockets[index].accept()?);
            Ok(())
        });
        for (socket, peer) in accepted {
            self.admit(socket, peer, now);
        }
        if let Some(error) = failure.filter(|_| self.accept_error.is_due(now)) {
            let open = self.clients.len();
            let line = format!(
                "cannot accept more SMTP clients: {error}; {open} are connected, further ones \
                 wait; raise the limit (LimitNOFILE) or lower --smtp-max-clients"
            );
            self.shared.lines.push((Severity::Error, line));
        }
    }

    fn admit(&mut self, mut socket: TcpStream, peer: SocketAddr, now: Instant) {
        let address: IpAddr = peer.ip().to_canonical();
        if !self.limits.admit(address) {
            self.shared.stats.turned_away += 1;
            // A client that has no room for a line does not get it.
            let _ = socket.write(TOO_MANY);
            return;
        }
        let local = socket.local_addr().unwrap_or(peer);
        let socket = Stream::accepted(socket, true);
        let key = self.clients.vacant_key();
        let both = Interest::READABLE | Interest::WRITABLE;
        if socket.watch(&self.shared.registry, self.shared.tokens(key).0, both).is_err() {
            return self.limits.release(address);
        }
        self.clients.insert(Client::new(socket, peer, local, &self.shared));
        self.shared.stats.connections += 1;
        self.names.look_up(key as u64, address, now);
    }
}
