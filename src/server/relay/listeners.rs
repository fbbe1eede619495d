//! The sockets to which SMTP clients connect.

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind};
use std::mem;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Clients accepted from one socket in one turn.
const MAX_ACCEPTED: usize = 256;

/// The pause of accepting when no descriptors are left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// The listening sockets, which have the first tokens of the relay.
pub struct Listeners {
    sockets: Vec<TcpListener>,
    waiting: Vec<usize>,
    paused_until: Option<Instant>,
    next_report: Option<Instant>,
}

pub type Accepted = (TcpStream, SocketAddr);

impl Listeners {
    pub fn new(mut sockets: Vec<TcpListener>, registry: &Registry) -> io::Result<Listeners> {
        for (index, socket) in sockets.iter_mut().enumerate() {
            registry.register(socket, Token(index), Interest::READABLE)?;
        }
        let waiting = (0..sockets.len()).collect();
        Ok(Listeners { sockets, waiting, paused_until: None, next_report: None })
    }

    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Notes that clients wait at a socket.
    pub fn note(&mut self, index: usize) {
        self.waiting.push(index);
    }

    /// Returns when to accept, if clients may wait.
    pub fn deadline(&self) -> Option<Instant> {
        self.paused_until.or_else(|| (!self.waiting.is_empty()).then(Instant::now))
    }

    /// Accepts waiting clients. An error that is due for the log is returned as
    /// well: the others have to wait.
    pub fn accept(&mut self, now: Instant) -> (Vec<Accepted>, Option<io::Error>) {
        let mut accepted = Vec::new();
        let mut report = None;
        if self.paused_until.is_some_and(|end| now < end) {
            return (accepted, report);
        }
        self.paused_until = None;
        for index in mem::take(&mut self.waiting) {
            match accept_from(&self.sockets[index], &mut accepted) {
                Ok(true) => {}
                Ok(false) => self.waiting.push(index),
                Err(error) => {
                    self.waiting.push(index);
                    self.paused_until = Some(now + ACCEPT_PAUSE);
                    report = Some(error);
                }
            }
        }
        if report.is_some() {
            if self.next_report.is_some_and(|next| now < next) {
                report = None;
            } else {
                self.next_report = Some(now + REPORT_INTERVAL);
            }
        }
        (accepted, report)
    }
}

/// Accepts clients from one socket. Returns true if none is left.
fn accept_from(socket: &TcpListener, accepted: &mut Vec<Accepted>) -> io::Result<bool> {
    for _ in 0..MAX_ACCEPTED {
        match socket.accept() {
            Ok(client) => accepted.push(client),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => return Ok(true),
                // A client that gave up while it waited.
                ErrorKind::ConnectionAborted | ErrorKind::Interrupted => {}
                _ => return Err(error),
            },
        }
    }
    Ok(false)
}
