//! The availability of the daemon, with a log line at each change.

use crate::daemon::rate_limited::RateLimitedError;
use std::time::{Duration, Instant};

/// The time between two attempts to reach a daemon that is away.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Availability {
    name: String,
    away: Option<Away>,
    last_answer: Option<Instant>,
    slow: RateLimitedError,
}

#[derive(Debug)]
struct Away {
    /// True if a connection proves that it is back, false if only an answer
    /// does.
    is_unreachable: bool,
    next_attempt: Instant,
}

impl Availability {
    pub(super) fn new(name: String) -> Availability {
        Availability { name, away: None, last_answer: None, slow: RateLimitedError::default() }
    }

    /// Returns true while mail passes without asking, until the next attempt.
    pub(super) fn is_away(&self, now: Instant) -> bool {
        self.next_attempt().is_some_and(|next| now < next)
    }

    /// Returns when the next attempt to reach a daemon that is away is due.
    pub(super) fn next_attempt(&self) -> Option<Instant> {
        self.away.as_ref().map(|away| away.next_attempt)
    }

    pub(super) fn attempt(&mut self, now: Instant) {
        if let Some(away) = &mut self.away {
            away.next_attempt = now + RETRY_INTERVAL;
        }
    }

    /// Returns true if an answer arrived after this time.
    pub(super) fn has_answered_since(&self, time: Instant) -> bool {
        self.last_answer.is_some_and(|last| last >= time)
    }

    /// Notes that the daemon cannot be reached. Returns the line for the log.
    pub(super) fn unreachable(&mut self, why: &str, now: Instant) -> Option<String> {
        let line = format!("cannot connect to postgrey on {}: {why}", self.name);
        self.go_away(true, line, now)
    }

    /// Notes that the daemon does not answer. Returns the line for the log.
    pub(super) fn unanswered(&mut self, why: &str, now: Instant) -> Option<String> {
        let line = format!("no answer from postgrey on {}: {why}", self.name);
        self.go_away(false, line, now)
    }

    /// Notes a connection. Returns the line for the log.
    pub(super) fn connected(&mut self) -> Option<String> {
        let is_back = self.away.as_ref().is_some_and(|away| away.is_unreachable);
        is_back.then(|| self.come_back())
    }

    /// Notes an answer. Returns the line for the log.
    pub(super) fn answered(&mut self, now: Instant) -> Option<String> {
        self.last_answer = Some(now);
        self.away.is_some().then(|| self.come_back())
    }

    /// Notes that one answer is late while others arrive. Returns the line for
    /// the log, at most one a minute.
    pub(super) fn slow(&mut self, now: Instant) -> Option<String> {
        let line = || format!("slow answer from postgrey on {}; the mail passes", self.name);
        self.slow.is_due(now).then(line)
    }

    fn go_away(&mut self, is_unreachable: bool, line: String, now: Instant) -> Option<String> {
        let next_attempt = now + RETRY_INTERVAL;
        let is_news = self.away.is_none();
        self.away = Some(Away { is_unreachable, next_attempt });
        is_news.then(|| format!("{line}; mail passes without greylisting until it answers"))
    }

    fn come_back(&mut self) -> String {
        self.away = None;
        format!("postgrey on {} answers again", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_one_line() {
        let start = Instant::now();
        let mut daemon = Availability::new("/run/socket".to_owned());
        assert_eq!((daemon.connected(), daemon.answered(start)), (None, None));
        assert!(!daemon.is_away(start));
        let line = daemon.unreachable("No such file or directory", start);
        assert_eq!(
            line.as_deref(),
            Some(
                "cannot connect to postgrey on /run/socket: No such file or directory; mail \
                 passes without greylisting until it answers"
            )
        );
        assert_eq!(daemon.unreachable("Connection refused", start), None);
        assert!(daemon.is_away(start));
        let later = start + RETRY_INTERVAL;
        assert!(!daemon.is_away(later));
        daemon.attempt(later);
        assert!(daemon.is_away(later));
        assert_eq!(daemon.connected().as_deref(), Some("postgrey on /run/socket answers again"));
        assert_eq!(daemon.answered(later), None);
    }

    #[test]
    fn a_connection_does_not_prove_that_a_hung_daemon_is_back() {
        let start = Instant::now();
        let mut daemon = Availability::new("port".to_owned());
        assert!(daemon.unanswered("5 seconds", start).is_some());
        assert_eq!(daemon.connected(), None);
        assert!(!daemon.has_answered_since(start));
        assert!(daemon.answered(start).is_some());
        assert!(daemon.has_answered_since(start));
    }
}
