//! The event loop: waits for sockets, runs a batch, does what is due.

use super::acceptor::Acceptor;
use super::batch::{Batch, MAX_REQUESTS};
use super::connections::{Connections, MAX_BUFFERED};
use super::control::{self, Control};
use super::engine::Engine;
use super::housekeeping::Housekeeping;
use super::metrics::{self, Metrics, Snapshot};
use super::proxy::Proxy;
use super::reload::{self, Reloader};
use super::stats::Reload;
use crate::daemon::rate_limited::RateLimitedError;
use crate::daemon::stream::Stream;
use crate::daemon::{Log, Severity, Signals, Wanted, clock, systemd};
use crate::lists::ListReader;
use crate::state::{Backend, Error};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// Bytes read from one connection in one batch: several usual requests.
const READ_SIZE: usize = 4096;

/// The time at the end for clients that are slow to read their replies.
const FINAL_TIMEOUT: Duration = Duration::from_millis(500);

/// The interval in which the backend is asked for timed-out decisions meanwhile.
const FINAL_STEP: Duration = Duration::from_millis(50);

const SIGNALS: Token = Token(0);
const WAKER: Token = Token(1);
const PROXY: Token = Token(2);
const BACKEND: Token = Token(3);
const CONTROL: usize = 4;
const METRICS: usize = CONTROL + control::TOKENS;
const FIRST_LISTENER: usize = METRICS + metrics::TOKENS;

/// The interval of checks for changes by other programs.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The pause before log lines that could not be written are tried again.
const LOG_PAUSE: Duration = Duration::from_millis(10);

/// The parts of a daemon, ready to serve.
pub struct Service {
    pub acceptor: Acceptor,
    pub engine: Engine,
    pub backend: Box<dyn Backend>,
    pub housekeeping: Housekeeping,
    /// The socket of the administration tools, if it could be opened.
    pub control: Option<Control>,
    pub metrics: Option<Metrics>,
    pub proxy: Option<Proxy>,
    /// True if connections are closed after their first reply (`--exim`).
    pub one_reply: bool,
    /// True if other machines may replace the clock (`--policy-test-time`).
    pub remote_test_time: bool,
}

pub struct PollLoop {
    poll: Poll,
    service: Service,
    signals: Signals,
    reloader: Reloader,
    connections: Connections,
    /// The interval of systemd's watchdog, and when the next message is due.
    watchdog: Option<(Duration, Instant)>,
    next_check: Instant,
    memory_error: RateLimitedError,
    buffer: Vec<u8>,
}

impl PollLoop {
    /// Registers the sockets and the signals; `lists` reloads the lists.
    pub fn new(mut service: Service, lists: ListReader, signals: Signals) -> io::Result<PollLoop> {
        let poll = Poll::new()?;
        let registry = poll.registry();
        let signal_socket = signals.socket().as_raw_fd();
        registry.register(&mut SourceFd(&signal_socket), SIGNALS, Interest::READABLE)?;
        service.acceptor.register(registry, FIRST_LISTENER)?;
        service.backend.register(registry, BACKEND)?;
        if let Some(control) = &mut service.control {
            control.register(registry, CONTROL)?;
        }
        if let Some(metrics) = &mut service.metrics {
            metrics.register(registry, METRICS)?;
        }
        if let Some(proxy) = &service.proxy {
            let sockets = proxy.relay().poll().as_raw_fd();
            registry.register(&mut SourceFd(&sockets), PROXY, Interest::READABLE)?;
        }
        let reloader = Reloader::new(lists, Waker::new(registry, WAKER)?);
        Ok(PollLoop {
            poll,
            service,
            signals,
            reloader,
            connections: Connections::new(),
            watchdog: systemd::watchdog().map(|interval| (interval, Instant::now())),
            // The start may have left something to report.
            next_check: Instant::now(),
            memory_error: RateLimitedError::default(),
            buffer: vec![0; READ_SIZE],
        })
    }

    /// Serves until a signal demands to stop; then everything that was read is
    /// answered and everything is on disk.
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
            self.batch(log);
            self.serve_monitors(log);
            self.keep_time(log);
            log.flush();
        }
        self.finish(&mut events, log);
        self.check(log);
        self.write(|backend| backend.flush(), log);
    }

    /// Reports what other programs did to the state.
    fn check(&mut self, log: &mut Log) {
        for notice in self.service.backend.check() {
            log.line(Severity::Warning, notice);
        }
    }

    /// Reads once more from all that are due, then answers what was read. Clients that
    /// are slow to read their replies get [`FINAL_TIMEOUT`].
    fn finish(&mut self, events: &mut Events, log: &mut Log) {
        for _ in 0..self.connections.due().div_ceil(MAX_REQUESTS) {
            self.batch(log);
        }
        self.connections.end_all();
        let end = Instant::now() + FINAL_TIMEOUT;
        while self.connections.owe_replies() {
            let is_due = self.connections.due() > 0;
            let left = end.saturating_duration_since(Instant::now());
            if !is_due && left.is_zero() {
                break;
            }
            let timeout = if is_due { Duration::ZERO } else { left.min(FINAL_STEP) };
            match self.poll.poll(events, Some(timeout)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => break,
                _ => {}
            }
            self.note(events);
            self.batch(log);
            log.flush();
        }
    }

    /// Does what a signal demands, except stopping.
    fn obey(&mut self, wanted: Wanted, log: &mut Log) {
        if wanted.statistics {
            log.line(Severity::Warning, self.service.engine.statistics());
        }
        if wanted.reload {
            log.line(Severity::Warning, "HUP received: reloading whitelists...");
            systemd::reloading();
            if let Some(proxy) = &mut self.service.proxy {
                proxy.reload();
            }
            self.reload(log);
        }
        if let Some((lists, warnings)) = self.reloader.take() {
            let how = if warnings.is_empty() { Reload::Clean } else { Reload::Warned };
            self.service.engine.stats.reloaded(how);
            for warning in warnings {
                log.line(Severity::Complaint, warning.to_string());
            }
            reload::discard(self.service.engine.exchange(lists));
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
            self.service.engine.stats.reloaded(Reload::Failed);
            systemd::ready();
        }
    }

    /// Does what is due by the clock, after the replies of the batch.
    fn keep_time(&mut self, log: &mut Log) {
        let now = Instant::now();
        if self.service.backend.deadline().is_some_and(|due| due <= now) {
            self.write(|backend| backend.run_due(), log);
        }
        if self.next_check <= now {
            self.next_check = now + CHECK_INTERVAL;
            self.check(log);
        }
        let Service { housekeeping, backend, .. } = &mut self.service;
        housekeeping.keep(&mut **backend, log);
        match &mut self.watchdog {
            Some((interval, next)) if *next <= now => {
                *next = now + *interval;
                systemd::alive();
            }
            _ => {}
        }
    }

    /// The time until something is due without an event.
    fn timeout(&self, log: &Log) -> Option<Duration> {
        let Service { control, metrics, .. } = &self.service;
        let monitors_are_due = metrics.as_ref().is_some_and(Metrics::is_due);
        if self.connections.due() > 0 || monitors_are_due {
            return Some(Duration::ZERO);
        }
        let now = Instant::now();
        let backend = &*self.service.backend;
        let tools = control.as_ref().and_then(|control| control.due(backend, now));
        let watchdog = self.watchdog.map(|(_, next)| next);
        let log = log.is_waiting().then_some(now + LOG_PAUSE);
        let Service { acceptor, housekeeping, proxy, .. } = &self.service;
        let proxy = proxy.as_ref().and_then(|proxy| proxy.relay().deadline());
        let (clean_up, check) = (Some(housekeeping.next()), Some(self.next_check));
        let (acceptor, backend) = (acceptor.queue.due(now), backend.deadline());
        let next = [acceptor, tools, watchdog, log, backend, clean_up, check, proxy]
            .into_iter()
            .flatten()
            .min()?;
        Some(next.saturating_duration_since(now))
    }

    /// Notes the events; returns what a signal demands.
    fn note(&mut self, events: &Events) -> Wanted {
        let mut wanted = Wanted::default();
        let first_connection = self.first_connection();
        for event in events {
            match event.token() {
                SIGNALS => wanted = self.signals.take(),
                // Each batch asks the reloader, the proxy and the backend.
                WAKER | PROXY | BACKEND => {}
                Token(CONTROL) => {
                    if let Some(control) = &mut self.service.control {
                        control.accept(self.poll.registry(), CONTROL);
                    }
                }
                // Each batch looks at all connections of tools.
                Token(token) if token < METRICS => {}
                Token(token) if token < FIRST_LISTENER => {
                    if let Some(metrics) = &mut self.service.metrics {
                        metrics.note(token);
                    }
                }
                Token(token) if token < first_connection => {
                    self.service.acceptor.queue.note(token - FIRST_LISTENER);
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

    fn first_connection(&self) -> usize {
        FIRST_LISTENER + self.service.acceptor.tokens()
    }

    fn accept(&mut self, log: &mut Log) {
        let first_connection = self.first_connection();
        let PollLoop { poll, service, connections, .. } = self;
        let watch = |stream: &Stream, key: usize| {
            stream.watch(poll.registry(), Token(first_connection + key), Interest::READABLE)
        };
        let accepted = service.acceptor.admit(connections, watch, log);
        service.engine.stats.counters.connections += accepted;
    }

    /// Reads, decides, commits, replies.
    fn batch(&mut self, log: &mut Log) {
        let first_token = self.first_connection();
        let PollLoop { poll, connections, service, memory_error, buffer, .. } = self;
        let Service { engine, backend, control, proxy, one_reply, remote_test_time, .. } = service;
        let mut batch = Batch {
            engine,
            backend: &mut **backend,
            log,
            connections,
            registry: poll.registry(),
            first_token,
            now: clock::now(),
            one_reply: *one_reply,
            remote_test_time: *remote_test_time,
            proxy: proxy.as_mut(),
        };
        let mut too_large = batch.read(buffer);
        if let Some(control) = control {
            let Engine { policy, stats, .. } = &*batch.engine;
            control.serve(policy, stats, batch.backend);
        }
        let closed = batch.complete(|policy, tool, result| {
            if let Some(control) = control {
                control.complete(policy, tool, result);
            }
        });
        too_large += closed;
        if too_large > 0 {
            memory_error.report(too_much_memory, log);
        }
        if backend.failure().is_none() {
            engine.report_recovery(backend.name(), log);
        }
        log.flush();
    }

    fn serve_monitors(&mut self, log: &mut Log) {
        let open = self.connections.len();
        let Service { metrics, engine, backend, housekeeping, proxy, .. } = &mut self.service;
        let relay = proxy.as_ref().map(Proxy::relay);
        if let Some(metrics) = metrics {
            metrics.accept(self.poll.registry(), log);
            metrics.serve(&Snapshot {
                engine,
                backend: &**backend,
                housekeeping,
                log,
                open,
                relay,
            });
        }
    }

    fn write(&mut self, write: fn(&mut dyn Backend) -> Result<bool, Error>, log: &mut Log) {
        let start = Instant::now();
        let Service { engine, backend, .. } = &mut self.service;
        match write(&mut **backend) {
            Ok(true) => engine.stats.committed(start.elapsed(), 0),
            Ok(false) => {}
            Err(error) => {
                engine.stats.failed_commits += 1;
                engine.report_failure(&error, log);
            }
        }
    }
}

fn too_much_memory() -> String {
    format!(
        "closing connections: incomplete requests and unread replies exceed {} MiB",
        MAX_BUFFERED >> 20
    )
}
