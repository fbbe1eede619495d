//! Asks the servers of `/etc/resolv.conf`, many questions at a time.
//!
//! The one thing to know: it has an end. Each server has a few seconds for a
//! question, and one that is silent too often is asked no more.

use super::message::{self, Answer, Question, Reply};
use crate::report::complain;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// The configuration of the system's own resolver.
const CONFIGURATION: &str = "/etc/resolv.conf";

/// The port of DNS servers.
const PORT: u16 = 53;

/// Questions that wait for their answers at the same time.
const MOST_AT_ONCE: usize = 100;

/// How long a server may take for an answer, whatever the configuration says.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Questions that a server may leave unanswered one after the other.
const MOST_MISSES: u32 = 3 * MOST_AT_ONCE as u32;

/// Bytes of the longest datagram (RFC 1035, 2.3.4), and some to spare.
const DATAGRAM: usize = 4096;

/// The servers, and how to ask them.
pub struct Resolver {
    servers: Vec<Server>,
    /// How long a server may take for an answer.
    wait: Duration,
    /// How often each server is asked a question.
    rounds: usize,
    has_complained: bool,
}

/// A server that is asked.
struct Server {
    address: SocketAddr,
    socket: UdpSocket,
    /// Questions since its last word.
    misses: u32,
}

/// A question on its way.
struct WriteBehind {
    question: Question,
    /// How often it was asked, of any server.
    tries: usize,
    until: Instant,
}

/// Questions on their way, by server and number.
type Flight = HashMap<(usize, u16), WriteBehind>;

impl Resolver {
    /// The resolver of this system. Without a configuration, there is a server
    /// on this machine, as for the C library.
    pub fn of_system() -> Resolver {
        let text = std::fs::read(CONFIGURATION).unwrap_or_default();
        let (configuration, _) = resolv_conf::Config::parse_with_errors(&text);
        let mut servers: Vec<SocketAddr> = configuration
            .nameservers
            .iter()
            .map(|address| SocketAddr::new(IpAddr::from(address), PORT))
            .collect();
        if servers.is_empty() {
            servers.push(SocketAddr::new(IpAddr::from([127, 0, 0, 1]), PORT));
        }
        let wait = Duration::from_secs(configuration.timeout.max(1).into()).min(LONGEST_WAIT);
        Resolver::new(&servers, wait, configuration.attempts.clamp(1, 5) as usize)
    }

    fn new(servers: &[SocketAddr], wait: Duration, rounds: usize) -> Resolver {
        let servers = servers.iter().filter_map(|server| Server::new(*server).ok());
        Resolver { servers: servers.collect(), wait, rounds, has_complained: false }
    }

    /// The answers to questions; those that nobody answers are missing. It says
    /// so once on stderr.
    pub fn ask(&mut self, questions: BTreeSet<Question>) -> HashMap<Question, Answer> {
        let mut answers = HashMap::with_capacity(questions.len());
        let mut flight = Flight::new();
        let mut unanswered = 0;
        let mut questions = questions.into_iter();
        loop {
            while flight.len() < MOST_AT_ONCE {
                let Some(question) = questions.next() else {
                    break;
                };
                unanswered += usize::from(!self.send(question, 0, &mut flight));
            }
            if flight.is_empty() {
                break;
            }
            unanswered += self.receive(&mut flight, &mut answers);
            unanswered += self.send_again(&mut flight);
        }
        if unanswered > 0 && !std::mem::replace(&mut self.has_complained, true) {
            complain(&format!(
                "WARNING: no DNS server answered {unanswered} questions, see {CONFIGURATION}; \
                 the report does without"
            ));
        }
        answers
    }

    /// Sends a question that was asked so often to the server whose turn it is,
    /// or else to the next; whether anybody is left to ask.
    fn send(&mut self, question: Question, tries: usize, flight: &mut Flight) -> bool {
        let count = self.servers.len();
        for tries in tries..count * self.rounds {
            let index = tries % count;
            if self.servers[index].is_silent() {
                continue;
            }
            let id = free_id(index, flight);
            let Some(message) = message::ask(&question, id) else {
                // No name, so that nobody can know it.
                return true;
            };
            let server = &mut self.servers[index];
            server.misses += 1;
            if server.socket.send(&message).is_ok() {
                let until = Instant::now() + self.wait;
                flight.insert((index, id), WriteBehind { question, tries: tries + 1, until });
                return true;
            }
        }
        false
    }

    /// Waits for a reply, or for the end of a question's time, and takes in all
    /// replies that are there. Gives the number of questions that nobody is left
    /// to ask.
    fn receive(&mut self, flight: &mut Flight, answers: &mut HashMap<Question, Answer>) -> usize {
        self.wait_for_replies(flight);
        let mut unanswered = 0;
        let mut datagram = [0; DATAGRAM];
        for index in 0..self.servers.len() {
            loop {
                match self.servers[index].socket.recv(&mut datagram) {
                    Ok(length) => {
                        let is_settled = self.take_in(index, &datagram[..length], flight, answers);
                        unanswered += usize::from(!is_settled);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => {
                        // Nobody listens there.
                        self.servers[index].misses = MOST_MISSES;
                        for (_, waiting) in flight.iter_mut().filter(|(key, _)| key.0 == index) {
                            waiting.until = Instant::now();
                        }
                        break;
                    }
                }
            }
        }
        unanswered
    }

    /// Takes in what a server sent, and asks the next one if that is no answer.
    /// False when nobody is left to ask.
    fn take_in(
        &mut self,
        index: usize,
        message: &[u8],
        flight: &mut Flight,
        answers: &mut HashMap<Question, Answer>,
    ) -> bool {
        let reply = message::id(message).and_then(|id| {
            let reply = message::reply(&flight.get(&(index, id))?.question, message)?;
            Some((reply, flight.remove(&(index, id))?))
        });
        // What replies to no question of ours may come from anybody.
        let Some((reply, WriteBehind { question, tries, .. })) = reply else {
            return true;
        };
        self.servers[index].misses = 0;
        let reply = match reply {
            Reply::CutOff => self.ask_whole(index, &question),
            reply => reply,
        };
        match reply {
            Reply::Answered(answer) => {
                answers.insert(question, answer);
                true
            }
            Reply::CutOff | Reply::Refused => self.send(question, tries, flight),
        }
    }

    fn wait_for_replies(&self, flight: &Flight) {
        let Some(until) = flight.values().map(|waiting| waiting.until).min() else {
            return;
        };
        let mut sockets: Vec<PollFd<'_>> = self
            .servers
            .iter()
            .map(|server| PollFd::new(server.socket.as_fd(), PollFlags::POLLIN))
            .collect();
        // A millisecond more, or else it would wake too early and come again.
        let wait = until.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        let wait = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
        // An interruption is as good as a reply: all sockets are looked at.
        let _ = poll(&mut sockets, wait);
    }

    /// Asks the next server what is waited for in vain. Gives the number of
    /// those whom nobody is left to ask.
    fn send_again(&mut self, flight: &mut Flight) -> usize {
        let now = Instant::now();
        let late: Vec<(usize, u16)> =
            flight.iter().filter(|(_, it)| it.until <= now).map(|(key, _)| *key).collect();
        let late: Vec<WriteBehind> =
            late.into_iter().filter_map(|key| flight.remove(&key)).collect();
        let lost = late.into_iter().filter_map(|WriteBehind { question, tries, .. }| {
            (!self.send(question, tries, flight)).then_some(())
        });
        lost.count()
    }

    /// Asks a server over TCP, which takes answers of any length.
    fn ask_whole(&self, index: usize, question: &Question) -> Reply {
        let address = self.servers[index].address;
        let reply = || -> io::Result<Option<Reply>> {
            let mut stream = TcpStream::connect_timeout(&address, self.wait)?;
            stream.set_read_timeout(Some(self.wait))?;
            stream.set_write_timeout(Some(self.wait))?;
            let message = message::ask(question, random_id()).unwrap_or_default();
            let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
            stream.write_all(&[&length.to_be_bytes(), message.as_slice()].concat())?;
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut message = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut message)?;
            Ok(message::reply(question, &message))
        };
        reply().ok().flatten().unwrap_or(Reply::Refused)
    }
}

impl Server {
    fn new(address: SocketAddr) -> io::Result<Server> {
        let any: IpAddr =
            if address.is_ipv4() { IpAddr::from([0, 0, 0, 0]) } else { IpAddr::from([0_u16; 8]) };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(address)?;
        socket.set_nonblocking(true)?;
        Ok(Server { address, socket, misses: 0 })
    }

    fn is_silent(&self) -> bool {
        self.misses >= MOST_MISSES
    }
}

/// A number that nobody can guess and no question to this server has.
fn free_id(server: usize, flight: &Flight) -> u16 {
    loop {
        let id = random_id();
        if !flight.contains_key(&(server, id)) {
            return id;
        }
    }
}

/// The standard library's keys for hash tables are random.
fn random_id() -> u16 {
    let hash = RandomState::new().build_hasher().finish();
    (hash >> 32) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::dns::message::Kind;

    fn questions(count: usize) -> BTreeSet<Question> {
        (0..count).map(|n| Question { name: format!("{n}.test"), kind: Kind::A }).collect()
    }

    #[test]
    fn nobody_waits_where_nobody_listens() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        drop(socket);
        let begin = Instant::now();
        let mut resolver = Resolver::new(&[address], Duration::from_secs(60), 2);
        assert!(resolver.ask(questions(1000)).is_empty());
        assert!(begin.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_silent_server_is_left_alone_after_a_while() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let begin = Instant::now();
        let mut resolver = Resolver::new(&[address], Duration::from_millis(50), 2);
        assert!(resolver.ask(questions(20_000)).is_empty());
        assert!(begin.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn there_may_be_no_server_at_all() {
        let mut resolver = Resolver::new(&[], LONGEST_WAIT, 2);
        assert!(resolver.ask(questions(3)).is_empty());
        assert!(resolver.ask(BTreeSet::new()).is_empty());
    }
}
