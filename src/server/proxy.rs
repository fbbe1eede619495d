//! The SMTP proxy's questions, decided by the engine.

use super::engine::Engine;
use super::relay::{ClientQuestion, Relay};
use crate::daemon::Log;
use crate::dns::Servers;
use crate::greylist::{Plan, Reply};
use crate::session::smtp;
use crate::state::{Backend, Task, TaskResult, Ticket};
use std::collections::HashMap;

/// The proxy, and the questions that wait for the state.
pub struct Proxy {
    relay: Relay,
    waiting: HashMap<usize, ClientQuestion>,
}

impl Proxy {
    pub fn new(relay: Relay) -> Proxy {
        Proxy { relay, waiting: HashMap::new() }
    }

    pub fn relay(&self) -> &Relay {
        &self.relay
    }

    /// Reads certificate, DNS servers and extensions again.
    pub fn reload(&mut self) {
        self.relay.reload(Servers::of_system());
    }

    /// Does everything that needs no waiting; what needs the state is submitted
    /// to the backend.
    pub fn run(&mut self, engine: &mut Engine, backend: &mut dyn Backend, now: i64, log: &mut Log) {
        self.relay.run();
        for question in self.relay.questions() {
            let request = question.request();
            if question.recipient.is_none() {
                self.relay.exempt(question.ticket, engine.exempts_client(&request, log));
                continue;
            }
            match engine.plan(&request, now, log) {
                Plan::Decided(verdict) => {
                    let reply = engine.conclude(&request, verdict, log);
                    self.answer(question.ticket, &reply);
                }
                Plan::Lookup(lookup) => {
                    let ticket = Ticket::SmtpClient(question.ticket);
                    backend.submit(ticket, Task::Decide(lookup));
                    self.waiting.insert(question.ticket, question);
                }
            }
        }
        for (severity, line) in self.relay.lines() {
            log.line(severity, line);
        }
    }

    /// Answers a client whose question the backend has completed.
    pub fn complete(
        &mut self,
        client: usize,
        result: &TaskResult,
        engine: &mut Engine,
        log: &mut Log,
    ) {
        if let Some(question) = self.waiting.remove(&client) {
            let reply = engine.complete(&question.request(), result, log);
            self.answer(question.ticket, &reply);
        }
    }

    fn answer(&mut self, ticket: usize, reply: &Reply) {
        self.relay.answer(ticket, smtp::refusal(reply));
    }
}
