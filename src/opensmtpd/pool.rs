//! A few connections to the daemon, which share the questions.

use super::availability::Availability;
use super::connection::Connection;
use crate::daemon::errno;
use crate::session::opensmtpd::{FilterResult, PolicyQuestion, RequestId};
use mio::{Registry, Token};
use nix::errno::Errno;
use slab::Slab;
use socket2::SockAddr;
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::time::{Duration, Instant};

/// The time that a question may take, and an attempt to connect.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections at once. The daemon answers each within a fraction of a
/// millisecond; more than one are for the time that it waits for its disk.
const MAX_CONNECTIONS: usize = 8;

/// The pause if the daemon's queue of connections is full.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// Attempts to ask a question. The first one may fail because the daemon closes
/// a connection that has been idle.
const MAX_ATTEMPTS: u8 = 2;

/// The connections, and the questions that wait for one.
#[derive(Debug)]
pub(super) struct Pool {
    addresses: Vec<SockAddr>,
    registry: Registry,
    first_token: usize,
    connections: Slab<Connection>,
    waiting: VecDeque<PolicyQuestion>,
    availability: Availability,
    /// No connection is opened before this time.
    pause: Option<Instant>,
    answers: Vec<(RequestId, FilterResult)>,
    notices: Vec<String>,
}

impl Pool {
    pub(super) fn new(
        addresses: Vec<SockAddr>,
        name: String,
        registry: Registry,
        first_token: usize,
    ) -> Pool {
        Pool {
            addresses,
            registry,
            first_token,
            connections: Slab::new(),
            waiting: VecDeque::new(),
            availability: Availability::new(name),
            pause: None,
            answers: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// Adds a question. Its answer comes within [`ANSWER_TIMEOUT`].
    pub(super) fn ask(&mut self, question: PolicyQuestion) {
        self.waiting.push_back(question);
    }

    pub(super) fn take_answers(&mut self) -> Vec<(RequestId, FilterResult)> {
        mem::take(&mut self.answers)
    }

    pub(super) fn take_notices(&mut self) -> Vec<String> {
        mem::take(&mut self.notices)
    }

    /// Returns when [`Pool::advance`] is to be called although nothing happened.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let carried = self.connections.iter().filter_map(|(_, connection)| limit(connection));
        let waiting = self.waiting.iter().map(|question| question.received + ANSWER_TIMEOUT);
        let pause = self.pause.filter(|_| !self.waiting.is_empty());
        let retry = self.availability.next_attempt().filter(|_| self.connections.is_empty());
        carried.chain(waiting).chain(pause).chain(retry).min()
    }

    pub(super) fn ready(&mut self, token: Token, now: Instant) {
        let key = token.0 - self.first_token;
        if let Err(error) = self.exchange(key, now) {
            self.lose(key, &error, now);
        }
    }

    /// Answers the questions whose time is over, and sends those that can be
    /// sent.
    pub(super) fn advance(&mut self, now: Instant) {
        self.expire(now);
        self.pause = self.pause.filter(|end| now < *end);
        let is_retry_due = self.availability.next_attempt().is_some_and(|next| next <= now);
        if is_retry_due && self.connections.is_empty() && self.waiting.is_empty() {
            self.open(0, now);
        }
        while !self.waiting.is_empty() {
            let idle = self.connections.iter().find(|(_, connection)| connection.is_idle());
            if let Some(key) = idle.map(|(key, _)| key) {
                self.send(key, now);
            } else if self.availability.is_away(now) {
                let waiting = mem::take(&mut self.waiting);
                waiting.into_iter().for_each(|question| self.pass(question));
            } else if self.is_at_limit() || !self.open(0, now) {
                return;
            }
        }
    }

    fn is_at_limit(&self) -> bool {
        self.connections.len() >= MAX_CONNECTIONS || self.pause.is_some()
    }

    /// Sends the first waiting question on an idle connection.
    fn send(&mut self, key: usize, now: Instant) {
        let (Some(connection), Some(question)) =
            (self.connections.get_mut(key), self.waiting.pop_front())
        else {
            return;
        };
        connection.carry(question);
        if let Err(error) = connection.send() {
            self.lose(key, &error, now);
        }
    }

    fn exchange(&mut self, key: usize, now: Instant) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(key) else {
            return Ok(());
        };
        if !connection.is_established {
            if !connection.finish_connecting()? {
                return Ok(());
            }
            self.notices.extend(self.availability.connected());
        }
        connection.send()?;
        while let Some((question, action)) = connection.receive()? {
            self.notices.extend(self.availability.answered(now));
            self.answers.push((question.request_id, FilterResult::of_action(&action)));
        }
        Ok(())
    }

    /// Opens a connection to one of the addresses, from this one on. Returns
    /// false if another attempt now is useless.
    fn open(&mut self, first: usize, now: Instant) -> bool {
        self.availability.attempt(now);
        let mut failure = None;
        for (number, address) in self.addresses.iter().enumerate().skip(first) {
            let token = Token(self.first_token + self.connections.vacant_key());
            match Connection::open(address, number, &self.registry, token, now) {
                Ok(connection) => {
                    if connection.is_established {
                        self.notices.extend(self.availability.connected());
                    }
                    self.connections.insert(connection);
                    return true;
                }
                Err(error) if error.raw_os_error() == Some(Errno::EAGAIN as i32) => {
                    self.pause = Some(now + BUSY_PAUSE);
                    return false;
                }
                Err(error) => failure = Some(error),
            }
        }
        let why = failure.map_or_else(String::new, |error| errno(&error).desc().to_owned());
        self.notices.extend(self.availability.unreachable(&why, now));
        true
    }

    /// Closes a connection that failed, and asks its question again.
    fn lose(&mut self, key: usize, error: &io::Error, now: Instant) {
        let Some(connection) = self.connections.try_remove(key) else {
            return;
        };
        let (was_established, address) = (connection.is_established, connection.address);
        let question = connection.question;
        if !was_established {
            question.into_iter().for_each(|question| self.waiting.push_front(question));
            self.open_next(address, error, now);
            return;
        }
        let Some(mut question) = question else {
            return;
        };
        question.attempts += 1;
        if question.attempts < MAX_ATTEMPTS {
            self.waiting.push_front(question);
            // The daemon may have closed the others as well.
            self.close_idle();
            return;
        }
        self.pass(question);
        let why = match error.kind() {
            io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
            io::ErrorKind::InvalidData => "it does not speak the policy protocol".to_owned(),
            _ => errno(error).desc().to_owned(),
        };
        self.notices.extend(self.availability.unanswered(&why, now));
    }

    /// Tries the address after one that cannot be reached.
    fn open_next(&mut self, failed: usize, error: &io::Error, now: Instant) {
        if failed + 1 < self.addresses.len() {
            self.open(failed + 1, now);
        } else {
            self.notices.extend(self.availability.unreachable(errno(error).desc(), now));
        }
    }

    fn expire(&mut self, now: Instant) {
        // A question that waited for another one of its session may be older
        // than those before it.
        let is_late = |question: &PolicyQuestion| question.received + ANSWER_TIMEOUT <= now;
        if self.waiting.iter().any(is_late) {
            let (late, rest) = mem::take(&mut self.waiting).into_iter().partition(is_late);
            self.waiting = rest;
            let late: VecDeque<PolicyQuestion> = late;
            for question in late {
                self.report_late(question.received, now);
                self.pass(question);
            }
        }
        let is_late = |connection: &Connection| limit(connection).is_some_and(|limit| limit <= now);
        let late = self.connections.iter().filter(|(_, connection)| is_late(connection));
        for key in late.map(|(key, _)| key).collect::<Vec<_>>() {
            self.give_up(key, now);
        }
    }

    /// Closes a connection whose time is over.
    fn give_up(&mut self, key: usize, now: Instant) {
        let connection = self.connections.remove(key);
        let (was_established, opened) = (connection.is_established, connection.opened);
        let question = connection.question;
        let received = question.as_ref().map_or(opened, |question| question.received);
        question.into_iter().for_each(|question| self.pass(question));
        if was_established {
            self.report_late(received, now);
        } else {
            self.notices.extend(self.availability.unreachable("no answer within 5 seconds", now));
        }
    }

    /// Reports a question whose time is over.
    fn report_late(&mut self, received: Instant, now: Instant) {
        if self.availability.has_answered_since(received) {
            self.notices.extend(self.availability.slow(now));
        } else {
            // A question on an idle connection would have to wait as well.
            self.notices.extend(self.availability.unanswered("5 seconds have passed", now));
            self.close_idle();
        }
    }

    fn close_idle(&mut self) {
        let idle = self.connections.iter().filter(|(_, connection)| connection.is_idle());
        for key in idle.map(|(key, _)| key).collect::<Vec<_>>() {
            self.connections.remove(key);
        }
    }

    /// Accepts the recipient of a question that got no answer.
    fn pass(&mut self, question: PolicyQuestion) {
        self.answers.push((question.request_id, FilterResult::Proceed));
    }
}

/// Returns when a connection is to be given up: the time of its question is
/// over, or that of the attempt to connect.
fn limit(connection: &Connection) -> Option<Instant> {
    let question = connection.question.as_ref().map(|question| question.received);
    let opening = (!connection.is_established).then_some(connection.opened);
    question.into_iter().chain(opening).min().map(|start| start + ANSWER_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::Poll;
    use socket2::{Domain, Socket, Type};

    #[test]
    fn pause_that_is_over_does_not_wake_the_loop() {
        // A name without a file (unix(7), abstract sockets).
        let name = format!("\0postgrey-test-{}", std::process::id());
        let address = SockAddr::unix(name).expect("a short name");
        let listener = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        listener.bind(&address).expect("an address");
        // Room for one connection: the second attempt has to pause.
        listener.listen(0).expect("a queue");
        let poll = Poll::new().expect("a poll");
        let mut pool = Pool::new(
            vec![address],
            "socket".to_owned(),
            poll.registry().try_clone().expect("a registry"),
            0,
        );
        let now = Instant::now();
        for token in 0..=MAX_CONNECTIONS as u64 {
            pool.ask(PolicyQuestion {
                request_id: RequestId { session: 1, token },
                received: now,
                attempts: 0,
                request: b"\n".to_vec(),
            });
        }
        pool.advance(now);
        assert_eq!((pool.connections.len(), pool.deadline()), (1, Some(now + BUSY_PAUSE)));
        listener.listen(128).expect("a longer queue");
        pool.advance(now + BUSY_PAUSE);
        assert_eq!((pool.connections.len(), pool.waiting.len()), (MAX_CONNECTIONS, 1));
        assert_eq!(pool.deadline(), Some(now + ANSWER_TIMEOUT));
    }
}
