//! The load of the milter listener: one thread that plays many mail servers. Like
//! Sendmail and Postfix they open a connection for each session of a client,
//! and close it after.

use crate::traffic::{Expected, Traffic};
use mio::net::{TcpStream, UnixStream};
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};
use testkit::Listener;

/// How long a milter may leave all sessions without an answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The offer of both mail servers: version 6, actions, steps.
const OFFER: &[u8] = b"\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff";

#[derive(Debug)]
pub struct Burst {
    pub elapsed: Duration,
    /// How long each session took, from before its connection to after its end,
    /// the shortest first.
    pub sessions: Vec<Duration>,
}

/// Keeps so many sessions at once going for so long, then waits for their ends.
/// Ends the program on a wrong answer.
pub fn run(
    listener: &Listener,
    at_once: usize,
    duration: Duration,
    traffic: &mut Traffic,
) -> Burst {
    let mut poll = Poll::new().expect("a poll");
    let mut events = Events::with_capacity(1024);
    let start = Instant::now();
    let mut open =
        |poll: &Poll, key| Session::open(listener, poll, key, traffic).expect("a milter");
    let mut lanes: Vec<Option<Session>> = (0..at_once).map(|key| Some(open(&poll, key))).collect();
    let mut sessions = Vec::new();
    while lanes.iter().any(Option::is_some) {
        poll.poll(&mut events, Some(TIMEOUT)).expect("a poll");
        assert!(!events.is_empty(), "no answer in {TIMEOUT:?}");
        for event in &events {
            let key = event.token().0;
            let Some(session) = &mut lanes[key] else { continue };
            if !session.goes_on() {
                sessions.push(session.begun.elapsed());
                lanes[key] = (start.elapsed() < duration).then(|| open(&poll, key));
            }
        }
    }
    sessions.sort_unstable();
    Burst { elapsed: start.elapsed(), sessions }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

#[derive(Clone, Copy, Debug)]
enum Awaited {
    Terms,
    Recipient,
    Message,
    End,
}

struct Session {
    stream: Box<dyn Stream>,
    begun: Instant,
    awaited: Awaited,
    packets: [Vec<u8>; 3],
    expected: Expected,
    reply: Vec<u8>,
}

impl Session {
    fn open(
        listener: &Listener,
        poll: &Poll,
        key: usize,
        traffic: &mut Traffic,
    ) -> io::Result<Session> {
        let (request, expected) = traffic.next();
        let packets = packets(request);
        let begun = Instant::now();
        let (token, interest) = (Token(key), Interest::READABLE);
        let stream: Box<dyn Stream> = match listener {
            Listener::Unix(path) => {
                let stream = std::os::unix::net::UnixStream::connect(path)?;
                stream.set_nonblocking(true)?;
                let mut stream = UnixStream::from_std(stream);
                poll.registry().register(&mut stream, token, interest)?;
                Box::new(stream)
            }
            Listener::Tcp(address) => {
                let stream = std::net::TcpStream::connect(address)?;
                stream.set_nonblocking(true)?;
                // Packets go when they are written, as mail servers have it.
                stream.set_nodelay(true)?;
                let mut stream = TcpStream::from_std(stream);
                poll.registry().register(&mut stream, token, interest)?;
                Box::new(stream)
            }
        };
        let (awaited, reply) = (Awaited::Terms, Vec::new());
        let mut session = Session { stream, begun, awaited, packets, expected, reply };
        session.send(&packet(b'O', OFFER));
        Ok(session)
    }

    /// Reads what there is, and goes on if an answer is whole. False at the end.
    fn goes_on(&mut self) -> bool {
        let mut buffer = [0; 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    assert!(matches!(self.awaited, Awaited::End), "the milter hung up");
                    return false;
                }
                Ok(length) => self.reply.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) => panic!("the milter broke a connection: {error}"),
            }
            if is_whole(&self.reply) {
                let reply = std::mem::take(&mut self.reply);
                self.answered(reply[4], &reply[5..]);
            }
        }
    }

    fn answered(&mut self, command: u8, data: &[u8]) {
        self.awaited = match (self.awaited, command, self.expected) {
            (Awaited::Terms, b'O', _) => {
                // At the times of the client's own commands, so one by one.
                for packets in std::mem::take(&mut self.packets) {
                    self.send(&packets);
                }
                Awaited::Recipient
            }
            (Awaited::Recipient, b'c', Expected::Dunno) => {
                self.send(&packet(b'E', b""));
                Awaited::Message
            }
            (Awaited::Recipient, b'y', Expected::Deferred) => {
                assert!(data.starts_with(b"451 4.7.1 Greylisted, "), "{}", data.escape_ascii());
                self.send(&[packet(b'A', b""), packet(b'Q', b"")].concat());
                Awaited::End
            }
            (Awaited::Message, b'c', _) => {
                self.send(&packet(b'Q', b""));
                Awaited::End
            }
            (awaited, command, expected) => panic!(
                "a wrong answer to {awaited:?}, it should be {expected:?}: {} {}",
                command.escape_ascii(),
                data.escape_ascii()
            ),
        };
    }

    fn send(&mut self, bytes: &[u8]) {
        // A socket's buffer always has room for one session.
        self.stream.write_all(bytes).expect("a milter that reads");
    }
}

fn is_whole(reply: &[u8]) -> bool {
    let length = reply.first_chunk::<4>().map(|head| u32::from_be_bytes(*head));
    length.is_some_and(|length| reply.len() >= 4 + length as usize)
}

fn packet(command: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(1 + data.len()).expect("a short packet");
    [&length.to_be_bytes(), [command].as_slice(), data].concat()
}

/// A request of the policy protocol in the milter's words: the client, the
/// sender, and the recipient, each with the macros that Postfix sends.
fn packets(request: &[u8]) -> [Vec<u8>; 3] {
    let text = std::str::from_utf8(request).expect("a request in ASCII");
    let attribute = |wanted: &str| {
        let mut pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.find(|(name, _)| *name == wanted).expect("an attribute").1
    };
    let (name, address) = (attribute("client_name"), attribute("client_address"));
    let (sender, recipient) = (attribute("sender"), attribute("recipient"));
    let macros =
        |command: &str, macros: &str| packet(b'D', format!("{command}{macros}").as_bytes());
    let of_client = "j\0mx.example.org\0{daemon_name}\0mx.example.org\0v\0Postfix\0";
    let of_sender = format!("i\0{{mail_addr}}\0{sender}\0{{mail_host}}\0{{mail_mailer}}\0smtp\0");
    let of_recipient = format!("{{rcpt_addr}}\0{recipient}\0{{rcpt_mailer}}\0virtual\0");
    [
        [
            macros("C", of_client),
            packet(b'C', format!("{name}\x004\u{0}\u{19}{address}\0").as_bytes()),
        ],
        [macros("M", &of_sender), packet(b'M', format!("<{sender}>\0SIZE=12345\0").as_bytes())],
        [macros("R", &of_recipient), packet(b'R', format!("<{recipient}>\0").as_bytes())],
    ]
    .map(|packets| packets.concat())
}
