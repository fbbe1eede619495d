//! The load: one thread that keeps many connections busy and checks each answer.

use crate::subject::Subject;
use crate::traffic::{Expected, Traffic, Words};
use mio::net::{TcpStream, UnixStream};
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};
use testkit::Listener;

/// How long a server may leave all connections without an answer.
const TIMEOUT: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// On each connection as soon as the last answer is there, as a mail server
    /// does that has more mail than time.
    Closed,
    /// Requests per second, independent of the server; a request that finds no free
    /// connection waits, and its time counts from the moment it was due.
    Open(u32),
}

#[derive(Clone, Debug, Default)]
pub struct Burst {
    pub elapsed: Duration,
    /// How long each request waited for its answer, the shortest first.
    waits: Vec<Duration>,
}

impl Burst {
    pub fn answers(&self) -> usize {
        self.waits.len()
    }

    /// Right answers a second.
    pub fn rate(&self) -> f64 {
        self.answers() as f64 / self.elapsed.as_secs_f64()
    }

    /// The wait that a share of all did not exceed, in milliseconds.
    pub fn percentile(&self, share: f64) -> f64 {
        let rank = (self.answers() as f64 * share).ceil() as usize;
        let wait = self.waits.get(rank.saturating_sub(1)).copied().unwrap_or_default();
        wait.as_secs_f64() * 1e3
    }
}

/// Loads a server for so long, then waits for what is still to come. Ends the
/// program on an answer that is wrong, or in another server's words.
pub fn run(
    subject: &Subject,
    connections: usize,
    pace: Pace,
    duration: Duration,
    traffic: &mut Traffic,
) -> Burst {
    Load::new(subject, connections).run(pace, duration, traffic)
}

struct Load {
    poll: Poll,
    words: Words,
    lanes: Vec<Lane>,
    idle: Vec<usize>,
    waits: Vec<Duration>,
}

impl Load {
    fn new(subject: &Subject, connections: usize) -> Load {
        let poll = Poll::new().expect("a poll");
        let open = |key| {
            Lane::open(subject.listener(), &poll, key).expect("a server that takes connections")
        };
        let lanes = (0..connections).map(open).collect();
        let (words, idle) = (subject.kind.words(), (0..connections).rev().collect());
        Load { poll, words, lanes, idle, waits: Vec::new() }
    }

    fn run(mut self, pace: Pace, duration: Duration, traffic: &mut Traffic) -> Burst {
        let mut events = Events::with_capacity(1024);
        let start = Instant::now();
        let end = start + duration;
        let mut sent = 0;
        loop {
            let next = self.send_due(pace, start, end, &mut sent, traffic);
            if self.idle.len() == self.lanes.len() && next.is_none() {
                break;
            }
            let timeout = next.map(|next| next.saturating_duration_since(Instant::now()));
            self.poll.poll(&mut events, timeout.or(Some(TIMEOUT))).expect("a poll");
            assert!(next.is_some() || !events.is_empty(), "no answer in {TIMEOUT:?}");
            for event in &events {
                let key = event.token().0;
                if let Some(wait) = self.lanes[key].receive(self.words) {
                    self.waits.push(wait);
                    self.idle.push(key);
                }
            }
        }
        self.waits.sort_unstable();
        Burst { elapsed: start.elapsed(), waits: self.waits }
    }

    /// Sends what is due on idle connections; tells when the next comes due, if
    /// there is a connection for it.
    fn send_due(
        &mut self,
        pace: Pace,
        start: Instant,
        end: Instant,
        sent: &mut u32,
        traffic: &mut Traffic,
    ) -> Option<Instant> {
        while let Some(&key) = self.idle.last() {
            let now = Instant::now();
            let due = match pace {
                Pace::Closed => now,
                Pace::Open(rate) => start + Duration::from_secs(1) * *sent / rate,
            };
            if due >= end {
                return None;
            }
            if due > now {
                return Some(due);
            }
            *sent += 1;
            self.idle.pop();
            self.lanes[key].send(due, traffic);
        }
        None
    }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// A connection with at most one request under way.
struct Lane {
    stream: Box<dyn Stream>,
    due: Instant,
    expected: Option<Expected>,
    reply: Vec<u8>,
}

impl Lane {
    fn open(listener: &Listener, poll: &Poll, key: usize) -> io::Result<Lane> {
        let interest = Interest::READABLE;
        let stream: Box<dyn Stream> = match listener {
            Listener::Unix(path) => {
                let stream = std::os::unix::net::UnixStream::connect(path)?;
                stream.set_nonblocking(true)?;
                let mut stream = UnixStream::from_std(stream);
                poll.registry().register(&mut stream, Token(key), interest)?;
                Box::new(stream)
            }
            Listener::Tcp(address) => {
                let stream = std::net::TcpStream::connect(address)?;
                stream.set_nonblocking(true)?;
                let mut stream = TcpStream::from_std(stream);
                poll.registry().register(&mut stream, Token(key), interest)?;
                Box::new(stream)
            }
        };
        Ok(Lane { stream, due: Instant::now(), expected: None, reply: Vec::new() })
    }

    fn send(&mut self, due: Instant, traffic: &mut Traffic) {
        let (request, expected) = traffic.next();
        // A socket's buffer always has room for one request.
        self.stream.write_all(request).expect("a server that reads");
        self.due = due;
        self.expected = Some(expected);
    }

    /// Reads what there is; once the answer is whole, gives how long it took.
    fn receive(&mut self, words: Words) -> Option<Duration> {
        let mut buffer = [0; 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => panic!("the server closed a connection"),
            Ok(length) => self.reply.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("the server broke a connection: {error}"),
        }
        if !self.reply.ends_with(b"\n\n") {
            return None;
        }
        let wait = self.due.elapsed();
        let expected = self.expected.take().expect("a reply that was asked for");
        assert!(
            words.say(expected, &self.reply),
            "a wrong answer, it should be {expected:?} of {words:?}: {}",
            self.reply.escape_ascii()
        );
        self.reply.clear();
        Some(wait)
    }
}
