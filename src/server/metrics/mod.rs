//! The HTTP endpoint of `--metrics`, served between batches.
//!
//! Clients may be slow, silent or hostile: only a few are connected at a time, and
//! each gets one response. The text format is written here because the numbers
//! exist already, in one thread; crates for it keep a second copy in atomics.

mod http;
mod page;
mod text;

pub use page::Snapshot;

use super::socket::ListeningSocket;
use crate::daemon::Log;
use crate::daemon::nonblocking::{unless_blocked, write_out};
use crate::daemon::stream::Stream;
use http::HttpRequest;
use mio::{Interest, Registry, Token};
use std::io::{self, Read as _, Write as _};

/// Clients connected at the same time. A further one replaces the oldest.
const MAX_CLIENTS: usize = 8;

pub const TOKENS: usize = 1 + MAX_CLIENTS;

const READ_SIZE: usize = 2048;

#[derive(Debug)]
pub struct Metrics {
    sockets: Vec<ListeningSocket>,
    /// The token of the sockets. Those of the clients follow.
    first: usize,
    clients: [Option<HttpClient>; MAX_CLIENTS],
    /// The number of clients accepted so far, by which the oldest is found.
    accepted: u64,
    /// Set if clients may wait to be accepted.
    is_due: bool,
}

impl Metrics {
    pub fn new(sockets: Vec<ListeningSocket>) -> Metrics {
        Metrics { sockets, first: 0, clients: Default::default(), accepted: 0, is_due: true }
    }

    /// Registers the sockets with tokens from `first` on.
    pub fn register(&mut self, registry: &Registry, first: usize) -> io::Result<()> {
        self.first = first;
        self.sockets.iter_mut().try_for_each(|socket| socket.register(registry, Token(first)))
    }

    /// Records that a token has an event.
    pub fn note(&mut self, token: usize) {
        match token - self.first {
            0 => self.is_due = true,
            number => {
                if let Some(client) = &mut self.clients[number - 1] {
                    client.is_due = true;
                }
            }
        }
    }

    /// Returns true if there is work without a further event.
    pub fn is_due(&self) -> bool {
        self.is_due
    }

    /// Accepts waiting clients, at most [`MAX_CLIENTS`] per socket and batch.
    pub fn accept(&mut self, registry: &Registry, log: &mut Log) {
        if !std::mem::take(&mut self.is_due) {
            return;
        }
        for index in 0..self.sockets.len() {
            for number in 1..=MAX_CLIENTS {
                match self.sockets[index].accept(log) {
                    Ok(stream) => self.admit(stream, registry),
                    // No client waits, or accepting failed until the next event.
                    Err(_) => break,
                }
                self.is_due |= number == MAX_CLIENTS;
            }
        }
    }

    pub fn serve(&mut self, snapshot: &Snapshot<'_>) {
        for slot in &mut self.clients {
            let Some(client) = slot.as_mut().filter(|client| client.is_due) else {
                continue;
            };
            client.serve(|request| {
                http::response(request, || page::page(snapshot), snapshot.backend.failure())
            });
            if client.is_over {
                *slot = None;
            }
        }
    }

    fn admit(&mut self, stream: Stream, registry: &Registry) {
        let age = |index: &usize| self.clients[*index].as_ref().map(|client| client.number);
        let index = (0..MAX_CLIENTS).min_by_key(age).unwrap_or(0);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.clients[index] = None;
        let token = Token(self.first + 1 + index);
        if stream.watch(registry, token, interest).is_ok() {
            self.accepted += 1;
            self.clients[index] = Some(HttpClient::new(stream, self.accepted));
        }
    }
}

#[derive(Debug)]
struct HttpClient {
    stream: Stream,
    input: Vec<u8>,
    output: Vec<u8>,
    is_answered: bool,
    is_due: bool,
    is_over: bool,
    /// Its number in the order of acceptance.
    number: u64,
}

impl HttpClient {
    fn new(stream: Stream, number: u64) -> HttpClient {
        HttpClient {
            stream,
            input: Vec::new(),
            output: Vec::new(),
            is_answered: false,
            is_due: true,
            is_over: false,
            number,
        }
    }

    /// Reads, responds and sends as far as possible without waiting.
    fn serve(&mut self, respond: impl FnOnce(HttpRequest) -> Vec<u8>) {
        self.is_due = false;
        if !self.is_answered {
            let is_at_end = self.read();
            match http::parse(&self.input) {
                Some(request) => {
                    self.output = respond(request);
                    self.is_answered = true;
                }
                None => self.is_over = is_at_end,
            }
        }
        self.send();
        self.is_over |= self.is_answered && self.output.is_empty();
    }

    /// Reads what has arrived. Returns true at the end of the input.
    fn read(&mut self) -> bool {
        let mut buffer = [0; READ_SIZE];
        while self.input.len() <= http::MAX_REQUEST {
            match unless_blocked(|| self.stream.read(&mut buffer)) {
                Ok(None) => return false,
                Ok(Some(0)) | Err(_) => return true,
                Ok(Some(length)) => self.input.extend_from_slice(&buffer[..length]),
            }
        }
        false
    }

    fn send(&mut self) {
        let sent = write_out(&mut self.output, |bytes| self.stream.write(bytes));
        self.is_over |= sent.is_err();
    }
}
