//! The loop: waits for sockets, lets each turn decide, sends the replies.

use super::connection::Connection;
use super::greylister::Greylister;
use super::listen::Listener;
use super::trouble::Trouble;
use super::turn::{Turn, passing};
use crate::daemon::{Log, Severity, Signals, Wanted, clock};
use crate::store::lmdb::Store;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::io::{self, ErrorKind};
use std::mem;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// Bytes read from one connection in one turn.
const READ_SIZE: usize = 16 * 1024;

/// Connections accepted from one socket in one turn.
const MOST_ACCEPTED: usize = 256;

/// How long accepting rests when there are no descriptors left.
const REST: Duration = Duration::from_millis(100);

const SIGNALS: Token = Token(0);
const FIRST_LISTENER: usize = 1;

/// The server's state between two turns.
pub struct PollLoop {
    poll: Poll,
    listeners: Vec<Listener>,
    signals: Signals,
    connections: Slab<Connection>,
    /// Connections to be looked at in this turn.
    due: Vec<usize>,
    /// Listeners that may have clients waiting.
    waiting: Vec<usize>,
    /// No client is accepted before this moment.
    rest_until: Option<Instant>,
    greylister: Greylister,
    store: Store,
    store_trouble: Trouble,
    accept_trouble: Trouble,
    one_reply: bool,
    buffer: Vec<u8>,
}

impl PollLoop {
    /// Watches the sockets. With `one_reply` (`--exim`) each connection is
    /// closed after its first reply.
    ///
    /// # Errors
    /// When the system does not let them be watched.
    pub fn new(
        mut listeners: Vec<Listener>,
        signals: Signals,
        greylister: Greylister,
        store: Store,
        one_reply: bool,
    ) -> io::Result<PollLoop> {
        let poll = Poll::new()?;
        let signal_socket = signals.socket().as_raw_fd();
        poll.registry()
            .register(&mut SourceFd(&signal_socket), SIGNALS, Interest::READABLE)?;
        for (index, listener) in listeners.iter_mut().enumerate() {
            listener.register(poll.registry(), Token(FIRST_LISTENER + index))?;
        }
        // What came before the sockets were watched gives no event.
        let waiting = (0..listeners.len()).collect();
        Ok(PollLoop {
            poll,
            listeners,
            signals,
            connections: Slab::new(),
            due: Vec::new(),
            waiting,
            rest_until: None,
            greylister,
            store,
            store_trouble: Trouble::default(),
            accept_trouble: Trouble::default(),
            one_reply,
            buffer: vec![0; READ_SIZE],
        })
    }

    /// Serves until a signal asks to stop; then everything that was read is
    /// answered and all is on disk.
    pub fn run(&mut self, log: &mut Log) {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, self.timeout()) {
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    log.line(Severity::Error, format!("waiting for clients: {error}"));
                    break;
                }
                _ => {}
            }
            if self.note(&events) == Some(Wanted::Stop) {
                break;
            }
            self.accept(log);
            self.turn(log);
            if self.store.due().is_some_and(|due| due <= Instant::now()) {
                self.write_waiting_rows(log);
            }
            log.flush();
        }
        self.write_waiting_rows(log);
    }

    /// How long there is nothing to do without an event.
    fn timeout(&self) -> Option<Duration> {
        if !self.due.is_empty() {
            return Some(Duration::ZERO);
        }
        let accept = match self.rest_until {
            Some(moment) => Some(moment),
            None => (!self.waiting.is_empty()).then(Instant::now),
        };
        let next = [accept, self.store.due()].into_iter().flatten().min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// Notes what the events say; tells what a signal asks for.
    fn note(&mut self, events: &Events) -> Option<Wanted> {
        let mut wanted = None;
        let first_connection = FIRST_LISTENER + self.listeners.len();
        for event in events {
            match event.token() {
                SIGNALS => wanted = self.signals.take(),
                Token(token) if token < first_connection => {
                    self.waiting.push(token - FIRST_LISTENER);
                }
                Token(token) => {
                    let key = token - first_connection;
                    if let Some(connection) = self.connections.get_mut(key) {
                        if event.is_readable() {
                            connection.mark_readable(event.is_read_closed());
                        }
                        self.due.push(key);
                    }
                }
            }
        }
        wanted
    }

    /// Accepts waiting clients, as many as one turn should.
    fn accept(&mut self, log: &mut Log) {
        if self
            .rest_until
            .is_some_and(|moment| Instant::now() < moment)
        {
            return;
        }
        self.rest_until = None;
        self.waiting.sort_unstable();
        self.waiting.dedup();
        for index in mem::take(&mut self.waiting) {
            if let Err(error) = self.accept_from(index, log) {
                self.waiting.push(index);
                self.rest_until = Some(Instant::now() + REST);
                let open = self.connections.len();
                let line = || {
                    format!(
                        "can't accept more connections: {error}; {open} are open, further \
                         clients wait; raise the limit (LimitNOFILE, ulimit -n)"
                    )
                };
                self.accept_trouble.report(line, log);
            }
        }
    }

    /// Accepts from one socket until nobody waits there.
    fn accept_from(&mut self, index: usize, log: &mut Log) -> io::Result<()> {
        let first_connection = FIRST_LISTENER + self.listeners.len();
        for _ in 0..MOST_ACCEPTED {
            let mut stream = match self.listeners[index].accept(log) {
                Ok(stream) => stream,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(()),
                    // A client that gave up while it waited.
                    ErrorKind::ConnectionAborted | ErrorKind::Interrupted => continue,
                    _ => return Err(error),
                },
            };
            let entry = self.connections.vacant_entry();
            let key = entry.key();
            stream.register(self.poll.registry(), Token(first_connection + key))?;
            entry.insert(Connection::new(stream));
            self.due.push(key);
        }
        self.waiting.push(index);
        Ok(())
    }

    /// Reads, decides, commits, replies.
    fn turn(&mut self, log: &mut Log) {
        let PollLoop {
            connections,
            greylister,
            store,
            store_trouble,
            due,
            buffer,
            ..
        } = self;
        if due.is_empty() {
            return;
        }
        let mut served = mem::take(due);
        served.sort_unstable();
        served.dedup();
        let (now, one_reply) = (clock::now(), self.one_reply);
        let mut turn = Turn::begin(
            greylister,
            store.begin(),
            log,
            store_trouble,
            now,
            one_reply,
        );
        let mut at_once = Vec::with_capacity(served.len());
        for &key in &served {
            let connection = &mut connections[key];
            connection.send();
            turn.serve(key, connection);
            connection.read(buffer);
            if !turn.serve(key, connection) {
                at_once.push(key);
            }
        }
        turn.flush_log();
        for key in at_once {
            connections[key].send();
        }
        turn.settle(|key, reply| connections[key].reply(reply));
        log.flush();
        for key in served {
            let connection = &mut connections[key];
            connection.send();
            if connection.is_done() {
                connections.remove(key);
            } else if connection.wants_a_turn() {
                due.push(key);
            }
        }
    }

    fn write_waiting_rows(&mut self, log: &mut Log) {
        if let Err(failure) = self.store.flush() {
            self.store_trouble.report(|| passing(&failure), log);
        }
    }
}
