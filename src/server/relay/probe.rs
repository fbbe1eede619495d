//! Asks the mail server from time to time which extensions it offers.

use super::backend::BackendConnection;
use super::shared::{ProbeState, Shared};
use crate::session::smtp::{Dialogue, DialogueStep, Extensions};
use mio::Token;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(600);

const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// The interval before the first answer: the mail server may start after the daemon.
const FIRST_RETRY_INTERVAL: Duration = Duration::from_secs(1);

pub struct Probe {
    token: Token,
    under_way: Option<(BackendConnection, Dialogue)>,
    /// The end of the question, or the beginning of the next.
    pub deadline: Instant,
}

impl Probe {
    pub fn new(token: Token) -> Probe {
        Probe { token, under_way: None, deadline: Instant::now() }
    }

    pub fn hurry(&mut self) {
        if self.under_way.is_none() {
            self.deadline = Instant::now();
        }
    }

    /// Starts a question, or cancels one.
    pub fn tick(&mut self, now: Instant, shared: &mut Shared) {
        if now < self.deadline {
            return;
        }
        if self.under_way.take().is_some() {
            return self.fail("timeout", shared);
        }
        let loopback = SocketAddr::from(([127, 0, 0, 1], 25));
        let server = shared.options.backend.as_socket().unwrap_or(loopback);
        match shared.connect(self.token, loopback, server) {
            Ok(backend) => {
                let hello = format!("EHLO {}\r\n", shared.options.host).into_bytes();
                self.under_way = Some((backend, Dialogue::new([hello])));
                self.deadline = now + shared.options.backend_timeout;
                self.advance(shared);
            }
            Err(error) => self.fail(&error.to_string(), shared),
        }
    }

    /// Continues the question as far as the mail server has replied.
    pub fn advance(&mut self, shared: &mut Shared) {
        let Some((backend, dialogue)) = &mut self.under_way else {
            return;
        };
        match backend.talk(dialogue, &mut shared.buffer) {
            Ok(DialogueStep::Wait | DialogueStep::Send(_)) => {}
            Ok(DialogueStep::Accepted { reply, .. }) => {
                if let Some((backend, _)) = self.under_way.take() {
                    backend.quit();
                }
                shared.set_extensions(Extensions::of_reply(&reply));
                shared.backend_answered();
                self.deadline = Instant::now() + INTERVAL;
            }
            Ok(DialogueStep::Refused(reply)) => {
                let reply = String::from_utf8_lossy(&reply).trim_end().escape_debug().to_string();
                self.fail(&reply, shared);
            }
            Ok(DialogueStep::Failed(why)) => self.fail(why, shared),
            Err(error) => self.fail(&error.to_string(), shared),
        }
    }

    fn fail(&mut self, why: &str, shared: &mut Shared) {
        self.under_way = None;
        let interval = match shared.probe_state {
            ProbeState::Done => RETRY_INTERVAL,
            ProbeState::Pending | ProbeState::Failed => {
                shared.probe_state = ProbeState::Failed;
                FIRST_RETRY_INTERVAL
            }
        };
        self.deadline = Instant::now() + interval;
        shared.backend_failed(why);
    }
}
