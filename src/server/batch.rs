//! One batch of the event loop: requests of many connections are read, decided
//! and committed together, then the replies are sent.
//!
//! Decisions by options and lists are answered at once. All others are answered
//! when the backend has completed them, so that every reply rests on durable
//! records.

use super::connection::Connection;
use super::connections::Connections;
use super::engine::Engine;
use super::proxy::Proxy;
use crate::daemon::{Log, Severity};
use crate::greylist::{Plan, Policy, Reason, Reply};
use crate::session::Event;
use crate::state::{Backend, Completed, Task, TaskResult, Ticket};
use mio::{Registry, Token};
use std::time::Instant;

/// Requests that one batch decides, shared equally between the connections that
/// have some: enough to make a commit worth its wait for the disk, few enough that
/// no client waits long for the others.
pub const MAX_REQUESTS: usize = 512;

const REMOTE_TEST_TIME: &str =
    "ignoring policy_test_time of another machine (--policy-test-time accepts it)";

pub struct Batch<'a> {
    pub engine: &'a mut Engine,
    pub backend: &'a mut dyn Backend,
    pub log: &'a mut Log,
    pub connections: &'a mut Connections,
    pub registry: &'a Registry,
    pub first_token: usize,
    /// Seconds since the epoch.
    pub now: i64,
    /// True if connections are closed after their first reply (`--exim`).
    pub one_reply: bool,
    /// True if other machines may replace the clock (`--policy-test-time`).
    pub remote_test_time: bool,
    pub proxy: Option<&'a mut Proxy>,
}

impl Batch<'_> {
    /// Reads from the connections that are due and answers what needs no state;
    /// the other requests are submitted to the backend. Returns the number of
    /// connections closed for the memory that they took.
    pub fn read(&mut self, buffer: &mut [u8]) -> usize {
        if let Some(proxy) = &mut self.proxy {
            proxy.run(self.engine, self.backend, self.now, self.log);
        }
        let keys = self.connections.take_due(MAX_REQUESTS);
        let share = MAX_REQUESTS / keys.len().max(1);
        for &key in &keys {
            let connection = &mut self.connections[key];
            connection.send();
            connection.read(buffer);
            self.serve(key, share);
        }
        self.send(keys.into_iter())
    }

    /// Handles the events in a connection's input, at most `share` of them, until
    /// one has to wait for the backend.
    fn serve(&mut self, key: usize, share: usize) {
        let Batch { engine, backend, log, connections, one_reply, remote_test_time, .. } = self;
        let connection = &mut connections[key];
        if connection.is_awaiting() {
            return;
        }
        for _ in 0..share {
            if !connection.has_room() {
                break;
            }
            let Some(event) = connection.session.next_event() else {
                end_of_input(connection, engine, log);
                return;
            };
            match event {
                Event::Request => {
                    let mut request = connection.session.request();
                    if !*remote_test_time && !connection.is_local && request.test_time.is_some() {
                        request.test_time = None;
                        let limit = &mut connection.line_limit;
                        engine.complain(limit, Severity::Warning, REMOTE_TEST_TIME, log);
                    }
                    match engine.plan(&request, self.now, log) {
                        Plan::Decided(verdict) => {
                            let reply = engine.conclude(&request, verdict, log);
                            answer(connection, &reply, engine, *one_reply, log);
                        }
                        Plan::Lookup(lookup) => {
                            connection.set_awaiting(true);
                            backend.submit(Ticket::Connection(key), Task::Decide(lookup));
                            return;
                        }
                    }
                }
                Event::Incomplete(line) => {
                    engine.stats.counters.count(Reason::NoAddress);
                    let limit = &mut connection.line_limit;
                    engine.complain(limit, Severity::Complaint, line, log);
                    answer(connection, &Reply::Dunno, engine, *one_reply, log);
                }
                Event::Send(bytes) => connection.reply(&bytes),
                Event::Warning(line) => {
                    engine.complain(&mut connection.line_limit, Severity::Warning, line, log);
                }
                Event::Error(line) => {
                    engine.complain(&mut connection.line_limit, Severity::Error, line, log);
                }
                Event::Close(warning) => {
                    if let Some(line) = warning {
                        let limit = &mut connection.line_limit;
                        engine.complain(limit, Severity::Warning, line, log);
                    }
                    connection.hang_up();
                    return;
                }
            }
        }
        connection.mark_unanswered(!connection.session.is_empty());
    }

    /// Has the submitted tasks decided and committed, and answers them. The
    /// completed tasks of tools are handed to `tool`. Returns the number of
    /// connections closed for the memory that they took.
    pub fn complete(&mut self, mut tool: impl FnMut(&Policy, usize, TaskResult)) -> usize {
        let mut completed = Vec::new();
        self.backend.decide(&self.engine.policy, &mut completed);
        let too_large = self.answer_all(&mut completed, &mut tool);
        let start = Instant::now();
        let result = self.backend.commit(&mut completed);
        match &result {
            Ok(true) => self.engine.stats.committed(start.elapsed(), completed.len()),
            Ok(false) => {}
            Err(error) => {
                self.engine.stats.failed_commits += 1;
                self.engine.report_failure(error, self.log);
            }
        }
        too_large + self.answer_all(&mut completed, &mut tool)
    }

    fn answer_all(
        &mut self,
        completed: &mut Vec<Completed>,
        tool: &mut impl FnMut(&Policy, usize, TaskResult),
    ) -> usize {
        let mut keys = Vec::with_capacity(completed.len());
        for Completed { ticket, result } in completed.drain(..) {
            match ticket {
                Ticket::Connection(key) => {
                    self.answer(key, &result);
                    keys.push(key);
                }
                Ticket::SmtpClient(key) => {
                    if let Some(proxy) = &mut self.proxy {
                        proxy.complete(key, &result, self.engine, self.log);
                    }
                }
                Ticket::Tool(number) => tool(&self.engine.policy, number, result),
            }
        }
        self.send(keys.into_iter())
    }

    fn answer(&mut self, key: usize, result: &TaskResult) {
        let Batch { engine, log, connections, one_reply, .. } = self;
        let connection = &mut connections[key];
        connection.set_awaiting(false);
        let reply = engine.complete(&connection.session.request(), result, log);
        answer(connection, &reply, engine, *one_reply, log);
        connection.mark_unanswered(!connection.session.is_empty());
        connection.session.rest();
    }

    /// Sends the replies of connections, after the log lines of their decisions.
    fn send(&mut self, keys: impl Iterator<Item = usize>) -> usize {
        self.log.flush();
        let mut too_large = 0;
        for key in keys {
            let connection = &mut self.connections[key];
            if connection.is_awaiting() {
                continue;
            }
            connection.send();
            connection.expect_room(self.registry, Token(self.first_token + key));
            too_large += usize::from(self.connections.settle(key));
        }
        too_large
    }
}

fn answer(
    connection: &mut Connection,
    reply: &Reply,
    engine: &mut Engine,
    one_reply: bool,
    log: &mut Log,
) {
    if connection.session.cannot_hold(reply) {
        engine.report_hold(log);
    }
    let bytes = connection.session.reply(reply);
    connection.reply(&bytes);
    connection.asked = Instant::now();
    if one_reply && connection.session.closes_after_one_reply() {
        connection.hang_up();
    }
}

fn end_of_input(connection: &mut Connection, engine: &mut Engine, log: &mut Log) {
    connection.session.rest();
    connection.mark_unanswered(false);
    if connection.session.is_too_long() {
        let line = "closing a connection: its request exceeds 65536 bytes";
        engine.complain(&mut connection.line_limit, Severity::Warning, line, log);
        connection.hang_up();
    }
}
