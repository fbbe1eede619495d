//! The socket on which a monitoring system asks (`--metrics`), answered between
//! the turns of the loop.
//!
//! Whoever asks may be slow, silent or hostile: there are few such connections
//! at a time, each is served once, and none is waited for. The format is
//! written here because the numbers exist already, in one thread; the crates
//! for it keep a second copy of each in atomics.

mod http;
mod page;
mod text;

pub use page::Snapshot;

use super::socket::{ListeningSocket, Stream};
use crate::daemon::Log;
use crate::lists::Files;
use http::{Question, Wish};
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind};

/// Who is served at the same time; further ones take the place of the one that
/// came first.
const MAX_CLIENTS: usize = 8;

/// How many tokens the sockets and their connections take.
pub const TOKENS: usize = 1 + MAX_CLIENTS;

/// Bytes read at once.
const READ_SIZE: usize = 2048;

/// The sockets and who is connected to them.
#[derive(Debug)]
pub struct Metrics {
    sockets: Vec<ListeningSocket>,
    /// The lists' files.
    files: Files,
    /// The token of the sockets; those of the callers follow.
    first: usize,
    callers: [Option<Caller>; MAX_CLIENTS],
    /// Counts those who came, to know who has been here for longest.
    clock: u64,
    /// Whether more may wait to be accepted than one turn takes.
    is_due: bool,
}

impl Metrics {
    /// Will serve on these sockets, and tell of these lists.
    pub fn new(sockets: Vec<ListeningSocket>, files: Files) -> Metrics {
        Metrics { sockets, files, first: 0, callers: Default::default(), clock: 0, is_due: true }
    }

    /// Asks to be told when somebody comes or says something, under tokens from
    /// `first` on.
    ///
    /// # Errors
    /// When the system has no room for one more.
    pub fn register(&mut self, registry: &Registry, first: usize) -> io::Result<()> {
        self.first = first;
        self.sockets.iter_mut().try_for_each(|socket| socket.register(registry, Token(first)))
    }

    /// Notes an event of one of the tokens.
    pub fn note(&mut self, token: usize) {
        match token - self.first {
            0 => self.is_due = true,
            number => {
                if let Some(caller) = &mut self.callers[number - 1] {
                    caller.is_due = true;
                }
            }
        }
    }

    /// Whether there is something to do without a further event.
    pub fn is_due(&self) -> bool {
        self.is_due
    }

    /// Takes in who waits, as many as one turn should.
    pub fn accept(&mut self, registry: &Registry, log: &mut Log) {
        if !std::mem::take(&mut self.is_due) {
            return;
        }
        for index in 0..self.sockets.len() {
            for number in 1..=MAX_CLIENTS {
                match self.sockets[index].accept(log) {
                    Ok(stream) => self.admit(stream, registry),
                    // Nobody waits; or they wait until the next one comes.
                    Err(_) => break,
                }
                self.is_due |= number == MAX_CLIENTS;
            }
        }
    }

    /// Goes on with those who are due.
    pub fn serve(&mut self, sight: &Snapshot<'_>) {
        for slot in &mut self.callers {
            let Some(caller) = slot.as_mut().filter(|caller| caller.is_due) else {
                continue;
            };
            caller.go_on(|question| answer(question, sight, &self.files));
            if caller.is_over {
                *slot = None;
            }
        }
    }

    fn admit(&mut self, mut stream: Stream, registry: &Registry) {
        let age = |index: &usize| self.callers[*index].as_ref().map(|caller| caller.came);
        let index = (0..MAX_CLIENTS).min_by_key(age).unwrap_or(0);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.callers[index] = None;
        let token = Token(self.first + 1 + index);
        if stream.watch(registry, token, interest).is_ok() {
            self.clock += 1;
            self.callers[index] = Some(Caller::new(stream, self.clock));
        }
    }
}

fn answer(question: Question, sight: &Snapshot<'_>, files: &Files) -> Vec<u8> {
    match question.wish {
        Wish::Metrics => http::metrics(question, &page::page(sight, files)),
        Wish::Health => http::health(question, sight.backend.failure().as_deref()),
        Wish::Nothing(refusal) => http::refuse(question, refusal),
    }
}

/// Somebody who asks.
#[derive(Debug)]
struct Caller {
    stream: Stream,
    input: Vec<u8>,
    output: Vec<u8>,
    is_answered: bool,
    is_due: bool,
    is_over: bool,
    /// When it came, in the order of all.
    came: u64,
}

impl Caller {
    fn new(stream: Stream, came: u64) -> Caller {
        Caller {
            stream,
            input: Vec::new(),
            output: Vec::new(),
            is_answered: false,
            is_due: true,
            is_over: false,
            came,
        }
    }

    /// Reads, answers and sends as far as that goes without waiting.
    fn go_on(&mut self, answer: impl FnOnce(Question) -> Vec<u8>) {
        self.is_due = false;
        if !self.is_answered {
            let is_at_end = self.read();
            match http::understand(&self.input) {
                Some(question) => {
                    self.output = answer(question);
                    self.is_answered = true;
                }
                None => self.is_over = is_at_end,
            }
        }
        self.send();
        self.is_over |= self.is_answered && self.output.is_empty();
    }

    /// Reads what is there; whether nothing more will come.
    fn read(&mut self) -> bool {
        let mut buffer = [0; READ_SIZE];
        while self.input.len() <= http::MAX_REQUEST {
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(length) => self.input.extend_from_slice(&buffer[..length]),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => return false,
                    _ => return true,
                },
            }
        }
        false
    }

    fn send(&mut self) {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(length) if length > 0 => drop(self.output.drain(..length)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                _ => {
                    self.is_over = true;
                    return;
                }
            }
        }
    }
}
