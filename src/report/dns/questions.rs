//! Asks all questions of a report, and waits for the answers.

use crate::dns::{Answer, CONFIGURATION, Question, Resolver, Servers};
use crate::report::complain;
use mio::{Events, Poll};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::time::{Duration, Instant};

pub struct Questions {
    poll: Poll,
    resolver: Resolver,
    has_complained: bool,
}

impl Questions {
    /// Questions to the servers of this system.
    pub fn of_system() -> io::Result<Questions> {
        Questions::new(Servers::of_system())
    }

    fn new(servers: Servers) -> io::Result<Questions> {
        let poll = Poll::new()?;
        let resolver = Resolver::new(servers, poll.registry().try_clone()?, 0);
        Ok(Questions { poll, resolver, has_complained: false })
    }

    /// Returns the answers; questions that no server answered are missing. That
    /// is reported once on stderr.
    pub fn ask(&mut self, questions: BTreeSet<Question>) -> HashMap<Question, Answer> {
        let now = Instant::now();
        let mut asked: HashMap<_, _> = questions
            .into_iter()
            .map(|question| (self.resolver.ask(question.clone(), now), question))
            .collect();
        let mut answers = HashMap::with_capacity(asked.len());
        let mut unanswered = 0;
        loop {
            for (ticket, answer) in self.resolver.completed() {
                match (asked.remove(&ticket), answer) {
                    (Some(question), Some(answer)) => drop(answers.insert(question, answer)),
                    _ => unanswered += 1,
                }
            }
            if asked.is_empty() {
                break;
            }
            self.wait();
        }
        if unanswered > 0 && !std::mem::replace(&mut self.has_complained, true) {
            complain(&format!(
                "WARNING: no DNS server answered {unanswered} questions, see {CONFIGURATION}; \
                 the report does without"
            ));
        }
        answers
    }

    /// Waits for an event or the resolver's deadline, and has it dealt with.
    fn wait(&mut self) {
        let deadline = self.resolver.deadline();
        let timeout = deadline.map(|it| it.saturating_duration_since(Instant::now()));
        // A millisecond more, or else the loop would wake too early.
        let timeout = timeout.map(|it| it + Duration::from_millis(1));
        let mut events = Events::with_capacity(Resolver::TOKENS);
        // An interruption is like a time-out: there are no events.
        if self.poll.poll(&mut events, timeout).is_err() {
            events.clear();
        }
        let now = Instant::now();
        for event in &events {
            self.resolver.handle(event.token(), now);
        }
        self.resolver.tick(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Kind;
    use std::net::{SocketAddr, UdpSocket};

    fn questions(count: usize) -> BTreeSet<Question> {
        (0..count).map(|n| Question { name: format!("{n}.test"), kind: Kind::A }).collect()
    }

    fn asking(servers: &[SocketAddr], timeout: Duration) -> Questions {
        Questions::new(Servers::new(servers, timeout, 2)).unwrap()
    }

    #[test]
    fn report_does_not_wait_where_no_server_listens() {
        // Connected elsewhere: it keeps the port, and what others send to it is refused.
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect("127.0.0.1:9").unwrap();
        let address = socket.local_addr().unwrap();
        let begin = Instant::now();
        assert!(asking(&[address], Duration::from_secs(60)).ask(questions(1000)).is_empty());
        assert!(begin.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn report_gives_up_a_silent_server() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let begin = Instant::now();
        assert!(asking(&[address], Duration::from_millis(50)).ask(questions(20_000)).is_empty());
        assert!(begin.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn there_may_be_no_server_at_all() {
        let mut dns = asking(&[], Duration::from_secs(5));
        assert!(dns.ask(questions(3)).is_empty());
        assert!(dns.ask(BTreeSet::new()).is_empty());
    }
}
