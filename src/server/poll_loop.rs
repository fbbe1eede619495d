//! The loop: waits for sockets, lets each turn decide, sends the replies.

use super::acceptor::Acceptor;
use super::connection::Stream;
use super::connections::{Connections, MOST_BUFFERED};
use super::control::{self, Control};
use super::engine::Engine;
use super::housekeeping::Housekeeping;
use super::metrics::{self, Metrics, Reload, Snapshot};
use super::rate_limited::RateLimitedError;
use super::reload::{self, Reloader};
use super::turn::{MENDED, Turn, passing};
use crate::daemon::{Log, Severity, Signals, Wanted, clock, systemd};
use crate::lists::Reader;
use crate::state::{self, local::Store};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// Bytes read from one connection in one turn: several requests as they are.
const READ_SIZE: usize = 4096;

/// Requests that one turn decides, in equal shares of the connections that have
/// some: enough to make a commit worth its sync, few enough that no client waits
/// long for the others.
const MOST_DECIDED: usize = 512;

/// How long the end waits for clients that are slow to take their replies.
const LAST_MOMENT: Duration = Duration::from_millis(500);

const SIGNALS: Token = Token(0);
const WAKER: Token = Token(1);
const CONTROL: usize = 2;
const METRICS: usize = CONTROL + control::TOKENS;
const FIRST_LISTENER: usize = METRICS + metrics::TOKENS;

/// How long log lines wait that nobody took, before the next try.
const LOG_PAUSE: Duration = Duration::from_millis(10);

/// All that a daemon is made of, ready to serve.
pub struct Service {
    /// Where clients come in.
    pub entrance: Acceptor,
    /// Who answers them.
    pub greylister: Engine,
    /// What is remembered.
    pub store: Store,
    /// Who keeps that from growing without end.
    pub housekeeping: Housekeeping,
    /// Where tools come, if that is possible.
    pub control: Option<Control>,
    /// Where a monitoring system comes (`--metrics`).
    pub metrics: Option<Metrics>,
    /// Whether each connection is closed after its first reply (`--exim`).
    pub one_reply: bool,
}

/// The server's state between two turns.
pub struct PollLoop {
    poll: Poll,
    service: Service,
    signals: Signals,
    reloader: Reloader,
    connections: Connections,
    /// How often systemd wants to hear of us, and when next.
    watchdog: Option<(Duration, Instant)>,
    store_trouble: RateLimitedError,
    memory_trouble: RateLimitedError,
    buffer: Vec<u8>,
}

impl PollLoop {
    /// Watches the sockets and the signals; `lists` reads the whitelists anew
    /// when one asks for it.
    ///
    /// # Errors
    /// When the system does not let them be watched.
    pub fn new(mut service: Service, lists: Reader, signals: Signals) -> io::Result<PollLoop> {
        let poll = Poll::new()?;
        let registry = poll.registry();
        let signal_socket = signals.socket().as_raw_fd();
        registry.register(&mut SourceFd(&signal_socket), SIGNALS, Interest::READABLE)?;
        service.entrance.register(registry, FIRST_LISTENER)?;
        if let Some(control) = &mut service.control {
            control.register(registry, CONTROL)?;
        }
        if let Some(metrics) = &mut service.metrics {
            metrics.register(registry, METRICS)?;
        }
        let reloader = Reloader::new(lists, Waker::new(registry, WAKER)?);
        Ok(PollLoop {
            poll,
            service,
            signals,
            reloader,
            connections: Connections::new(),
            watchdog: systemd::watchdog().map(|interval| (interval, Instant::now())),
            store_trouble: RateLimitedError::default(),
            memory_trouble: RateLimitedError::default(),
            buffer: vec![0; READ_SIZE],
        })
    }

    /// Serves until a signal asks to stop; then everything that was read is
    /// answered and all is on disk.
    pub fn run(&mut self, log: &mut Log) {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, self.timeout(log)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    log.line(Severity::Error, format!("waiting for clients: {error}"));
                    break;
                }
                _ => {}
            }
            let wanted = self.note(&events);
            self.obey(wanted, log);
            if wanted.stop {
                break;
            }
            self.accept(log);
            let is_written = self.turn(log);
            self.serve_tools();
            self.serve_monitors(log);
            self.keep_time(is_written, log);
            log.flush();
        }
        self.finish(&mut events, log);
        self.write_rows(Store::flush, log);
    }

    /// Reads once more from all that are due, then answers what was read. A
    /// client that is slow to take its replies has a moment for them.
    fn finish(&mut self, events: &mut Events, log: &mut Log) {
        for _ in 0..self.connections.due().div_ceil(MOST_DECIDED) {
            self.turn(log);
        }
        self.connections.end_all();
        let end = Instant::now() + LAST_MOMENT;
        while self.connections.owe_replies() {
            let is_due = self.connections.due() > 0;
            let left = end.saturating_duration_since(Instant::now());
            if !is_due && left.is_zero() {
                break;
            }
            let timeout = if is_due { Duration::ZERO } else { left };
            match self.poll.poll(events, Some(timeout)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => break,
                _ => {}
            }
            self.note(events);
            self.turn(log);
            log.flush();
        }
    }

    /// Does what a signal asked for, short of stopping.
    fn obey(&mut self, wanted: Wanted, log: &mut Log) {
        if wanted.statistics {
            log.line(Severity::Warning, self.service.greylister.statistics());
        }
        if wanted.reload {
            log.line(Severity::Warning, "HUP received: reloading whitelists...");
            systemd::reloading();
            self.reload(log);
        }
        if let Some((lists, warnings)) = self.reloader.take() {
            let how = if warnings.is_empty() { Reload::Clean } else { Reload::Warned };
            self.service.greylister.measures.reloaded(how);
            for warning in warnings {
                log.line(Severity::Complaint, warning.to_string());
            }
            reload::discard(self.service.greylister.exchange(lists));
            if self.reloader.take_wanted_again() {
                self.reload(log);
            } else {
                systemd::ready();
            }
        }
    }

    fn reload(&mut self, log: &mut Log) {
        if let Err(error) = self.reloader.begin() {
            let line = format!("can't reload the whitelists, the old ones stay: {error}");
            log.line(Severity::Error, line);
            self.service.greylister.measures.reloaded(Reload::Failed);
            systemd::ready();
        }
    }

    /// Does what has become due by the clock. Rows that are due wait for the
    /// next turn when this one has written some.
    fn keep_time(&mut self, is_written: bool, log: &mut Log) {
        let now = Instant::now();
        let is_due = self.service.store.due().is_some_and(|due| due <= now);
        if is_due && !is_written {
            self.write_rows(Store::write_due, log);
        }
        // Clean-up leaves a row alone while a refresh of it waits.
        if !(is_due && is_written) {
            let Service { housekeeping, store, .. } = &mut self.service;
            housekeeping.keep(store, log);
        }
        match &mut self.watchdog {
            Some((interval, next)) if *next <= now => {
                *next = now + *interval;
                systemd::alive();
            }
            _ => {}
        }
    }

    /// How long there is nothing to do without an event.
    fn timeout(&self, log: &Log) -> Option<Duration> {
        let Service { control, metrics, .. } = &self.service;
        let others_are_due = control.as_ref().is_some_and(Control::is_due)
            || metrics.as_ref().is_some_and(Metrics::is_due);
        if self.connections.due() > 0 || others_are_due {
            return Some(Duration::ZERO);
        }
        let now = Instant::now();
        let watchdog = self.watchdog.map(|(_, next)| next);
        let log = log.is_waiting().then_some(now + LOG_PAUSE);
        let Service { entrance, store, housekeeping, .. } = &self.service;
        let clean_up = Some(housekeeping.next());
        let next = [entrance.due(now), watchdog, log, store.due(), clean_up]
            .into_iter()
            .flatten()
            .min()?;
        Some(next.saturating_duration_since(now))
    }

    /// Notes what the events say; tells what a signal asks for.
    fn note(&mut self, events: &Events) -> Wanted {
        let mut wanted = Wanted::default();
        let first_connection = self.first_connection();
        for event in events {
            match event.token() {
                SIGNALS => wanted = self.signals.take(),
                WAKER => {}
                Token(CONTROL) => {
                    if let Some(control) = &mut self.service.control {
                        control.accept(self.poll.registry(), CONTROL);
                    }
                }
                // Whoever has said something is heard in any case.
                Token(token) if token < METRICS => {}
                Token(token) if token < FIRST_LISTENER => {
                    if let Some(metrics) = &mut self.service.metrics {
                        metrics.note(token);
                    }
                }
                Token(token) if token < first_connection => {
                    self.service.entrance.note(token - FIRST_LISTENER);
                }
                Token(token) => {
                    let is_over = event.is_read_closed() || event.is_error();
                    if let Some(connection) = self.connections.wake(token - first_connection) {
                        if event.is_readable() || is_over {
                            connection.mark_readable(is_over);
                        }
                    }
                }
            }
        }
        wanted
    }

    /// The token of the first connection; the others follow.
    fn first_connection(&self) -> usize {
        FIRST_LISTENER + self.service.entrance.tokens()
    }

    fn accept(&mut self, log: &mut Log) {
        let first_connection = self.first_connection();
        let PollLoop { poll, service, connections, .. } = self;
        let watch = |stream: &mut Stream, key: usize| {
            stream.register(poll.registry(), Token(first_connection + key))
        };
        let came = service.entrance.let_in(connections, watch, log);
        service.greylister.counters.connections += came;
    }

    /// Reads, decides, commits, replies. Gives whether anything was written.
    fn turn(&mut self, log: &mut Log) -> bool {
        let first_connection = self.first_connection();
        let PollLoop { poll, connections, service, store_trouble, memory_trouble, buffer, .. } =
            self;
        let served = connections.take_due(MOST_DECIDED);
        if served.is_empty() {
            return false;
        }
        let share = MOST_DECIDED / served.len();
        let Service { greylister, store, one_reply, .. } = service;
        let now = clock::now();
        let mut turn = Turn::begin(greylister, store.begin(), log, store_trouble, now, *one_reply);
        let mut at_once = Vec::with_capacity(served.len());
        for &key in &served {
            let connection = &mut connections[key];
            connection.send();
            connection.read(buffer);
            if !turn.serve(key, connection, share) {
                at_once.push(key);
            }
        }
        turn.flush_log();
        for key in at_once {
            connections[key].send();
        }
        let is_written = turn.settle(|key, reply, is_in_place_of_another| {
            if is_in_place_of_another {
                connections[key].door.withdraw();
            }
            connections[key].reply(reply);
        });
        log.flush();
        for key in served {
            let connection = &mut connections[key];
            connection.send();
            connection.expect_room(poll.registry(), Token(first_connection + key));
            if connections.settle(key) {
                memory_trouble.report(too_much_waits, log);
            }
        }
        is_written
    }

    fn serve_tools(&mut self) {
        let Service { control, greylister, store, .. } = &mut self.service;
        if let Some(control) = control {
            control.serve(greylister, store);
        }
    }

    fn serve_monitors(&mut self, log: &mut Log) {
        let open = self.connections.len();
        let Service { metrics, greylister, store, housekeeping, .. } = &mut self.service;
        if let Some(metrics) = metrics {
            metrics.accept(self.poll.registry(), log);
            metrics.serve(&Snapshot { greylister, store, housekeeping, log, open });
        }
    }

    fn write_rows(&mut self, write: fn(&mut Store) -> Result<bool, state::Error>, log: &mut Log) {
        let begin = Instant::now();
        let measures = &mut self.service.greylister.measures;
        match write(&mut self.service.store) {
            Ok(true) => {
                measures.committed(begin.elapsed(), 0);
                self.store_trouble.end(MENDED, log);
            }
            Ok(false) => {}
            Err(failure) => {
                measures.failed_commits += 1;
                self.store_trouble.report(|| passing(&failure), log);
            }
        }
    }
}

/// What the log says when clients want too much memory.
fn too_much_waits() -> String {
    format!(
        "closing connections: requests without an end and replies that nobody reads take \
         more than {} MiB",
        MOST_BUFFERED >> 20
    )
}
