//! Asks many questions at the same time, from the caller's event loop.
//!
//! The caller passes on the events of tokens from the first one on
//! ([`Resolver::handle`]), calls [`Resolver::tick`] at [`Resolver::deadline`],
//! and collects the answers. Every question ends: each server has a few seconds
//! for it, and a server that is silent too often is paused.

use super::cache::Cache;
use super::message::{self, Answer, Question, Reply};
use super::servers::Servers;
use super::transport::Transport;
use mio::{Registry, Token};
use slab::Slab;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Instant;

/// Questions in flight at a time; the others wait for their turn.
const MAX_IN_FLIGHT: usize = 100;

/// Messages that one socket may receive without one of them being the reply:
/// more of them are an attempt to guess the id (RFC 5452 section 9.1).
const MAX_WRONG: u32 = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionId(u64);

/// Asks DNS servers. It has its own tokens of the caller's poll.
pub struct Resolver {
    registry: Registry,
    first_token: usize,
    servers: Servers,
    cache: Cache,
    last_question: u64,
    waiting: VecDeque<(QuestionId, Question)>,
    in_flight: Slab<InFlight>,
    completed: Vec<(QuestionId, Option<Answer>)>,
}

struct InFlight {
    question_id: QuestionId,
    question: Question,
    /// The server that was asked first, and the number of attempts since.
    first: usize,
    tries: usize,
    server: usize,
    message_id: u16,
    transport: Transport,
    deadline: Instant,
    /// Messages received that were not the reply.
    wrong: u32,
}

impl Resolver {
    /// A resolver that asks these servers. Its sockets get tokens from
    /// `first_token` on, at most [`Resolver::TOKENS`] of them.
    pub fn new(servers: Servers, registry: Registry, first_token: usize) -> Resolver {
        Resolver {
            registry,
            first_token,
            servers,
            cache: Cache::default(),
            last_question: 0,
            waiting: VecDeque::new(),
            in_flight: Slab::new(),
            completed: Vec::new(),
        }
    }

    pub const TOKENS: usize = MAX_IN_FLIGHT;

    /// Starts to ask. The answer comes from [`Resolver::completed`], at once if
    /// it is known.
    pub fn ask(&mut self, question: Question, now: Instant) -> QuestionId {
        self.last_question += 1;
        let question_id = QuestionId(self.last_question);
        match self.cache.get(&question, now) {
            Some(answer) => self.completed.push((question_id, Some(answer.clone()))),
            None => self.waiting.push_back((question_id, question)),
        }
        self.fill(now);
        question_id
    }

    /// Returns the answers since the last call; `None` where no server
    /// answered.
    pub fn completed(&mut self) -> Vec<(QuestionId, Option<Answer>)> {
        std::mem::take(&mut self.completed)
    }

    /// Returns when to call [`Resolver::tick`] if no event comes first.
    pub fn deadline(&self) -> Option<Instant> {
        self.in_flight.iter().map(|(_, query)| query.deadline).min()
    }

    pub fn handle(&mut self, token: Token, now: Instant) {
        let Some(key) = token.0.checked_sub(self.first_token) else {
            return;
        };
        while let Some(query) = self.in_flight.get_mut(key) {
            match query.transport.receive() {
                Ok(Some(message)) => self.take(key, &message, now),
                Ok(None) => break,
                Err(_) => {
                    // Only a datagram's error means that no process listens: a
                    // server need not offer TCP.
                    if let Transport::Udp(_) = query.transport {
                        self.servers.pause(query.server, now);
                    }
                    self.retry(key, now);
                    break;
                }
            }
        }
        self.fill(now);
    }

    /// Asks again where a server did not answer in time.
    pub fn tick(&mut self, now: Instant) {
        let late = self.in_flight.iter().filter(|(_, query)| query.deadline <= now);
        let late: Vec<usize> = late.map(|(key, _)| key).collect();
        for key in late {
            self.servers.missed(self.in_flight[key].server, now);
            self.retry(key, now);
        }
        self.fill(now);
    }

    /// Replaces the servers. Questions in flight are asked again.
    pub fn set_servers(&mut self, servers: Servers, now: Instant) {
        self.servers = servers;
        for query in self.in_flight.drain() {
            self.waiting.push_front((query.question_id, query.question));
        }
        self.fill(now);
    }

    pub fn cancel(&mut self, question_id: QuestionId) {
        self.waiting.retain(|(waiting, _)| *waiting != question_id);
        self.in_flight.retain(|_, query| query.question_id != question_id);
    }

    fn fill(&mut self, now: Instant) {
        while self.in_flight.len() < MAX_IN_FLIGHT {
            let Some((question_id, question)) = self.waiting.pop_front() else {
                return;
            };
            let first = self.servers.best();
            self.send(question_id, question, first, 0, now);
        }
    }

    fn take(&mut self, key: usize, message: &[u8], now: Instant) {
        let query = &mut self.in_flight[key];
        let reply = message::reply(&query.question, query.message_id, message);
        if reply.is_some() {
            self.servers.replied(query.server);
        }
        match (reply, &query.transport) {
            (None, Transport::Udp(_)) if query.wrong < MAX_WRONG => query.wrong += 1,
            (Some(Reply::Answered(answer)), _) => {
                let InFlight { question_id, question, .. } = self.in_flight.remove(key);
                self.cache.insert(question, answer.clone(), now);
                self.completed.push((question_id, Some(answer)));
            }
            (Some(Reply::Truncated), Transport::Udp(_)) => self.ask_over_tcp(key, now),
            _ => self.retry(key, now),
        }
    }

    /// Asks the next server, or gives up.
    fn retry(&mut self, key: usize, now: Instant) {
        let InFlight { question_id, question, first, tries, .. } = self.in_flight.remove(key);
        self.send(question_id, question, first, tries, now);
    }

    fn send(
        &mut self,
        question_id: QuestionId,
        question: Question,
        first: usize,
        tries: usize,
        now: Instant,
    ) {
        let mut tries = tries;
        while let Some((server, next)) = self.servers.next(first, tries, now) {
            tries = next;
            let message_id = random_id();
            let Some(message) = message::ask(&question, message_id) else {
                // An invalid name has no records.
                return self.completed.push((question_id, Some(Answer::default())));
            };
            let Ok(transport) = Transport::udp(self.servers.address(server), &message) else {
                continue;
            };
            let deadline = now + self.servers.timeout;
            let query = InFlight {
                question_id,
                question,
                first,
                tries,
                server,
                message_id,
                transport,
                deadline,
                wrong: 0,
            };
            return self.watch(query);
        }
        self.completed.push((question_id, None));
    }

    fn ask_over_tcp(&mut self, key: usize, now: Instant) {
        let query = &self.in_flight[key];
        let message_id = random_id();
        let transport = message::ask(&query.question, message_id)
            .and_then(|it| Transport::tcp(self.servers.address(query.server), &it).ok());
        match transport {
            Some(transport) => {
                let query = self.in_flight.remove(key);
                let deadline = now + self.servers.timeout;
                self.watch(InFlight { message_id, transport, deadline, ..query });
            }
            None => self.retry(key, now),
        }
    }

    /// Registers the socket. Without that, the question is asked again at its
    /// deadline.
    fn watch(&mut self, mut query: InFlight) {
        let entry = self.in_flight.vacant_entry();
        let token = Token(self.first_token + entry.key());
        let _ = query.transport.register(&self.registry, token);
        entry.insert(query);
    }
}

/// Returns a number that cannot be guessed: the keys of the standard library's
/// hash tables are random.
fn random_id() -> u16 {
    let hash = RandomState::new().build_hasher().finish();
    (hash >> 32) as u16
}
