//! The SMTP proxy: clients in front, one mail server behind.
//!
//! The event loop passes on events and time, has the questions decided, and
//! gives the decisions back; sockets, names and hand-overs are dealt with here.
//! Every client is in one stage at a time ([`client`]).

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

use crate::daemon::Severity;
use crate::dns::{ClientNames, Resolver, Servers};
use client::{Client, State};
use limits::Limits;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use probe::Probe;
use shared::Shared;
use slab::Slab;
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

pub use backend::BackendAddress;
pub use shared::{BACKEND_TIMEOUT, Options, Question, RelayStats};
pub use tls::TlsFiles;

/// Clients accepted from one socket in one turn.
const MAX_ACCEPTED: usize = 256;

/// How long accepting rests when there are no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often the deadlines of clients are looked at.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);

/// What a client over the limits is told.
const TOO_MANY: &[u8] = b"421 4.7.0 Error: too many connections\r\n";

/// The proxy.
pub struct Relay {
    listeners: Vec<TcpListener>,
    first_token: usize,
    shared: Shared,
    names: ClientNames,
    probe: Probe,
    limits: Limits,
    clients: Slab<Client>,
    /// Listeners with clients waiting, and clients with something to do.
    waiting: Vec<usize>,
    ready: Vec<usize>,
    paused_until: Option<Instant>,
    next_expiry: Instant,
}

impl Relay {
    /// A proxy for the clients of these sockets. It uses tokens from
    /// `first_token` on, without an end.
    ///
    /// # Errors
    /// When the certificate cannot be used, or the system does not let sockets
    /// be watched.
    pub fn new(
        options: Options,
        mut listeners: Vec<TcpListener>,
        dns: Servers,
        registry: &Registry,
        first_token: usize,
    ) -> Result<Relay, String> {
        let unwatchable = |error: io::Error| format!("cannot watch sockets: {error}");
        for (index, listener) in listeners.iter_mut().enumerate() {
            let token = Token(first_token + index);
            registry.register(listener, token, Interest::READABLE).map_err(unwatchable)?;
        }
        let own = || registry.try_clone().map_err(unwatchable);
        let probe_token = first_token + listeners.len();
        let dns_token = probe_token + 1;
        let resolver = Resolver::new(dns.within(options.dns_timeout), own()?, dns_token);
        let now = Instant::now();
        Ok(Relay {
            waiting: (0..listeners.len()).collect(),
            listeners,
            first_token,
            names: ClientNames::new(resolver, options.dns_timeout),
            probe: Probe::new(Token(probe_token)),
            limits: Limits::new(options.max_clients),
            shared: Shared::new(options, own()?, dns_token + Resolver::TOKENS)?,
            clients: Slab::new(),
            ready: Vec::new(),
            paused_until: None,
            next_expiry: now + EXPIRY_INTERVAL,
        })
    }

    /// Passes on an event.
    pub fn handle(&mut self, token: Token) {
        let Some(index) = token.0.checked_sub(self.first_token) else {
            return;
        };
        let clients = self.shared.first_token - self.first_token;
        match index.checked_sub(clients) {
            Some(index) => self.ready.push(index / 2),
            None if index < self.listeners.len() => self.waiting.push(index),
            None if index == self.listeners.len() => self.probe.advance(&mut self.shared),
            None => self.names.handle(token, Instant::now()),
        }
    }

    /// Does everything that needs no waiting. Questions and log lines are left
    /// to be taken.
    pub fn run(&mut self) {
        let now = Instant::now();
        self.probe.tick(now, &mut self.shared);
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
            let keys: Vec<usize> = self.clients.iter().map(|(key, _)| key).collect();
            for key in keys {
                let state = self.clients[key].expire(key, now, &mut self.shared);
                self.settle(key, state);
            }
        }
    }

    /// When to call [`Relay::run`] if no event comes first.
    pub fn deadline(&self) -> Option<Instant> {
        if !self.ready.is_empty() {
            return Some(Instant::now());
        }
        let accept = match self.paused_until {
            None if !self.waiting.is_empty() => Some(Instant::now()),
            paused => paused,
        };
        let expiry = (!self.clients.is_empty()).then_some(self.next_expiry);
        let others = [accept, expiry, self.names.deadline(), Some(self.probe.deadline)];
        others.into_iter().flatten().min()
    }

    /// Returns the decisions to be made.
    pub fn questions(&mut self) -> Vec<Question> {
        mem::take(&mut self.shared.questions)
    }

    /// Takes the decision whether a client is exempt from the first byte.
    pub fn exempt(&mut self, ticket: usize, is_exempt: bool) {
        if let Some(client) = self.clients.get_mut(ticket) {
            client.judged(ticket, is_exempt, &mut self.shared);
            self.advance(ticket);
        }
    }

    /// Takes the decision on a recipient, which is refused with this line or
    /// passes.
    pub fn answer(&mut self, ticket: usize, refusal: Option<Vec<u8>>) {
        if let Some(client) = self.clients.get_mut(ticket) {
            client.answered(ticket, refusal, &mut self.shared);
            self.advance(ticket);
        }
    }

    /// Returns the lines for the log.
    pub fn lines(&mut self) -> Vec<(Severity, String)> {
        mem::take(&mut self.shared.lines)
    }

    /// What the proxy did so far.
    pub fn stats(&self) -> RelayStats {
        self.shared.stats
    }

    /// The number of clients.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Returns true if there are no clients.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Reads the certificate again, and asks the mail server for its extensions.
    pub fn reload(&mut self) {
        if let Some(files) = &self.shared.options.tls {
            match files.read() {
                Ok(config) => self.shared.tls = Some(config),
                Err(error) => {
                    let line = format!("{error}; the certificate in use stays");
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

    fn settle(&mut self, key: usize, state: State) {
        match state {
            State::Waiting => {}
            State::Ready => self.ready.push(key),
            State::Over => {
                let client = self.clients.remove(key);
                self.limits.release(client.peer.ip().to_canonical());
            }
        }
    }

    fn accept(&mut self, now: Instant) {
        if self.paused_until.is_some_and(|end| now < end) {
            return;
        }
        self.paused_until = None;
        for index in mem::take(&mut self.waiting) {
            if self.accept_from(index, now) {
                self.waiting.push(index);
            }
        }
    }

    /// Accepts clients from one socket. Returns true if there may be more.
    fn accept_from(&mut self, index: usize, now: Instant) -> bool {
        for _ in 0..MAX_ACCEPTED {
            match self.listeners[index].accept() {
                Ok((socket, peer)) => self.admit(socket, peer, now),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return false,
                    // A client that gave up while it waited.
                    ErrorKind::ConnectionAborted | ErrorKind::Interrupted => {}
                    _ => {
                        self.paused_until = Some(now + ACCEPT_PAUSE);
                        return true;
                    }
                },
            }
        }
        true
    }

    fn admit(&mut self, mut socket: TcpStream, peer: SocketAddr, now: Instant) {
        let address: IpAddr = peer.ip().to_canonical();
        if !self.limits.admit(address) {
            self.shared.stats.turned_away += 1;
            // A client that has no room for a line does not get it.
            let _ = socket.write(TOO_MANY);
            return;
        }
        let _ = socket.set_nodelay(true);
        let local = socket.local_addr().unwrap_or(peer);
        let key = self.clients.insert(Client::new(socket, peer, local, &self.shared));
        let token = self.shared.tokens(key).0;
        let both = Interest::READABLE | Interest::WRITABLE;
        if self.shared.registry.register(self.clients[key].socket(), token, both).is_err() {
            return self.settle(key, State::Over);
        }
        self.shared.stats.connections += 1;
        self.names.look_up(key as u64, address, now);
    }
}
