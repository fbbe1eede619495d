//! One turn of the loop: requests of many connections, one commit.
//!
//! What needs no write is answered at once. The rest is decided in order of
//! arrival and told only after the commit: what a client was told is on disk.

use super::connection::Connection;
use super::door::Outcome;
use super::engine::Engine;
use super::rate_limited::RateLimitedError;
use crate::daemon::{Entry, Log, Severity};
use crate::state::{self, local};
use std::time::Instant;

/// A turn under way.
pub struct Turn<'a> {
    greylister: &'a mut Engine,
    store: local::Turn<'a>,
    log: &'a mut Log,
    trouble: &'a mut RateLimitedError,
    now: i64,
    one_reply: bool,
    held: Vec<Held>,
}

/// A reply that waits for the commit, with the lines that tell of it.
struct Held {
    connection: usize,
    reply: Vec<u8>,
    /// What is told if the commit fails, in place of a reply that stands on it.
    instead: Option<&'static [u8]>,
    /// The message that gets its header with the reply.
    header_of: Option<Vec<u8>>,
    lines: Vec<(Severity, Entry)>,
}

impl<'a> Turn<'a> {
    /// Begins a turn at `now`, in seconds since the epoch. With `one_reply`
    /// (`--exim`) each connection is closed after its first.
    pub fn begin(
        greylister: &'a mut Engine,
        store: local::Turn<'a>,
        log: &'a mut Log,
        trouble: &'a mut RateLimitedError,
        now: i64,
        one_reply: bool,
    ) -> Turn<'a> {
        Turn { greylister, store, log, trouble, now, one_reply, held: Vec::new() }
    }

    /// Handles requests in a connection's input, at most `share` of them.
    /// Returns whether a reply is held until [`Turn::settle`].
    pub fn serve(&mut self, key: usize, connection: &mut Connection, share: usize) -> bool {
        let mut is_exhausted = false;
        for _ in 0..share {
            if !connection.has_room() {
                break;
            }
            let door = &mut connection.door;
            let Some(outcome) = door.handle_next(self.greylister, &mut self.store, self.now) else {
                is_exhausted = true;
                break;
            };
            if let Some(failure) = outcome.failure {
                self.trouble.report(|| passing(&failure), self.log);
            }
            let replied = outcome.reply.is_some();
            // Replies of one connection stay in order: after a held one, all are.
            let is_held = self.store.take_unsettled() || self.holds_for(key);
            match outcome.reply {
                Some(reply) if is_held => {
                    let Outcome { instead, header_of, lines, .. } = outcome;
                    self.held.push(Held { connection: key, reply, instead, header_of, lines });
                }
                reply => {
                    write_lines(self.log, outcome.lines);
                    connection.reply(reply.as_deref().unwrap_or_default());
                }
            }
            if replied {
                connection.asked = Instant::now();
            }
            let is_only_one =
                replied && self.one_reply && connection.door.may_end_after_one_reply();
            if outcome.is_last || is_only_one {
                connection.hang_up();
                return self.holds_for(key);
            }
        }
        connection.door.rest();
        if is_exhausted && connection.door.is_too_long() {
            self.log.line(
                Severity::Warning,
                "closing a connection: its request has grown past 65536 bytes without an end",
            );
            connection.hang_up();
        }
        connection.mark_unanswered(!is_exhausted && !connection.door.is_empty());
        self.holds_for(key)
    }

    /// Whether the connection that was served last has a reply held.
    fn holds_for(&self, key: usize) -> bool {
        self.held.last().is_some_and(|held| held.connection == key)
    }

    /// Hands over the log lines of what may be told at once.
    pub fn flush_log(&mut self) {
        self.log.flush();
    }

    /// Makes the turn's writes durable; then hands each held reply to `tell`
    /// with its connection. If the disk does not take them, the replies let
    /// the mail through, and `tell` is told that they stand for others; of the
    /// log's lines those remain that are warnings. Gives whether anything was
    /// written.
    pub fn settle(self, mut tell: impl FnMut(usize, &[u8], bool)) -> bool {
        let Turn { greylister, store, log, trouble, held, .. } = self;
        let begin = Instant::now();
        match store.commit() {
            Ok(is_written) => {
                if is_written {
                    greylister.measures.committed(begin.elapsed(), held.len());
                    trouble.end(MENDED, log);
                }
                for Held { connection, reply, lines, .. } in held {
                    write_lines(log, lines);
                    tell(connection, &reply, false);
                }
                is_written
            }
            Err(failure) => {
                greylister.measures.failed_commits += 1;
                trouble.report(|| passing(&failure), log);
                for Held { connection, reply, instead, header_of, mut lines } in held {
                    lines.retain(|(severity, _)| *severity <= Severity::Warning);
                    write_lines(log, lines);
                    greylister.counters.failures += u64::from(instead.is_some());
                    if let Some(message) = header_of {
                        greylister.forget_header(&message);
                    }
                    tell(connection, instead.unwrap_or(&reply), instead.is_some());
                }
                false
            }
        }
    }
}

/// What the log says of a database that fails.
pub fn passing(failure: &state::Error) -> String {
    format!("{failure}; mail passes without greylisting until that is mended")
}

/// What the log says when it no longer does.
pub const MENDED: &str = "the database can be written again: greylisting goes on";

fn write_lines(log: &mut Log, lines: Vec<(Severity, Entry)>) {
    for (severity, line) in lines {
        log.entry(severity, line);
    }
}
