//! The servers of `/etc/resolv.conf`, and their availability.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// The configuration of the system's own resolver.
pub const CONFIGURATION: &str = "/etc/resolv.conf";

const PORT: u16 = 53;

/// The longest wait for a reply, for all configurations.
const MAX_TIMEOUT: Duration = Duration::from_secs(5);

/// Questions in a row that a server may leave unanswered before it is paused.
const MAX_MISSES: u32 = 300;

/// The time for which a silent server is not asked.
const SILENCE_PAUSE: Duration = Duration::from_secs(5);

pub struct Servers {
    servers: Vec<Server>,
    /// The time limit of a reply.
    pub timeout: Duration,
    /// The number of times each server is asked a question.
    rounds: usize,
}

struct Server {
    address: SocketAddr,
    /// Questions left unanswered since the last reply.
    misses: u32,
    paused_until: Option<Instant>,
}

impl Servers {
    /// Returns the servers of this system. Without a configuration, the server on
    /// this machine is used, as by the C library.
    pub fn of_system() -> Servers {
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
        let timeout = Duration::from_secs(configuration.timeout.max(1).into()).min(MAX_TIMEOUT);
        Servers::new(&servers, timeout, configuration.attempts.clamp(1, 5) as usize)
    }

    /// Creates a list of servers, each asked `rounds` times for `timeout`.
    pub fn new(addresses: &[SocketAddr], timeout: Duration, rounds: usize) -> Servers {
        let server =
            |address: &SocketAddr| Server { address: *address, misses: 0, paused_until: None };
        Servers { servers: addresses.iter().map(server).collect(), timeout, rounds }
    }

    /// Shortens the time limit so that two servers can be asked within `limit`.
    #[must_use]
    pub fn within(self, limit: Duration) -> Servers {
        Servers { timeout: self.timeout.min(limit / 2), ..self }
    }

    /// The server to start with: the first one that answers best.
    pub fn best(&self) -> usize {
        let misses = self.servers.iter().enumerate().map(|(index, it)| (it.misses, index));
        misses.min().map_or(0, |(_, index)| index)
    }

    /// The server for the next try of a question that was sent `tries` times,
    /// and the number of tries with that one; `None` if none is left.
    pub fn next(&self, first: usize, tries: usize, now: Instant) -> Option<(usize, usize)> {
        let count = self.servers.len();
        (tries..count * self.rounds)
            .map(|tries| ((first + tries) % count, tries + 1))
            .find(|(index, _)| self.servers[*index].paused_until.is_none_or(|end| end <= now))
    }

    pub fn address(&self, index: usize) -> SocketAddr {
        self.servers[index].address
    }

    pub fn replied(&mut self, index: usize) {
        let server = &mut self.servers[index];
        server.misses = 0;
        server.paused_until = None;
    }

    /// Notes that a server did not reply in time.
    pub fn missed(&mut self, index: usize, now: Instant) {
        let server = &mut self.servers[index];
        server.misses = server.misses.saturating_add(1);
        if server.misses >= MAX_MISSES {
            self.pause(index, now);
        }
    }

    /// Pauses a server that is silent, or at whose address no process listens.
    pub fn pause(&mut self, index: usize, now: Instant) {
        let server = &mut self.servers[index];
        server.misses = MAX_MISSES;
        server.paused_until = Some(now + SILENCE_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(count: u8) -> Servers {
        let address = |last| SocketAddr::new(IpAddr::from([192, 0, 2, last]), PORT);
        let addresses: Vec<SocketAddr> = (1..=count).map(address).collect();
        Servers::new(&addresses, MAX_TIMEOUT, 2)
    }

    #[test]
    fn each_server_is_asked_in_each_round() {
        let servers = servers(2);
        let now = Instant::now();
        let order = |first| {
            let tries =
                |last: &Option<(usize, usize)>| servers.next(first, last.map_or(0, |it| it.1), now);
            let all = std::iter::successors(Some(servers.next(first, 0, now)), |last| {
                last.is_some().then(|| tries(last))
            });
            all.flatten().map(|(index, _)| index).collect::<Vec<_>>()
        };
        assert_eq!(order(0), [0, 1, 0, 1]);
        assert_eq!(order(1), [1, 0, 1, 0]);
    }

    #[test]
    fn server_that_missed_a_question_is_not_asked_first() {
        let mut servers = servers(2);
        let now = Instant::now();
        assert_eq!(servers.best(), 0);
        servers.missed(0, now);
        assert_eq!(servers.best(), 1);
        servers.missed(1, now);
        assert_eq!(servers.best(), 0);
        servers.replied(1);
        assert_eq!(servers.best(), 1);
    }

    #[test]
    fn silent_server_is_paused() {
        let mut servers = servers(1);
        let now = Instant::now();
        for _ in 0..MAX_MISSES - 1 {
            servers.missed(0, now);
        }
        assert!(servers.next(0, 0, now).is_some());
        servers.missed(0, now);
        assert!(servers.next(0, 0, now).is_none());
        assert!(servers.next(0, 0, now + SILENCE_PAUSE).is_some());
        servers.replied(0);
        servers.pause(0, now);
        assert!(servers.next(0, 0, now).is_none());
    }

    #[test]
    fn there_may_be_no_server() {
        let servers = servers(0);
        assert!(servers.next(servers.best(), 0, Instant::now()).is_none());
    }
}
