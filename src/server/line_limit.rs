//! A limit on log lines about malformed input, so that a client cannot fill the
//! disk with them. Lines of decisions are not limited.

use std::time::{Duration, Instant};

/// Allows a number of lines at once, and one more after each interval.
#[derive(Debug)]
pub struct LineLimit {
    max: u32,
    interval: Duration,
    left: u32,
    /// The time when `left` was last increased.
    since: Instant,
}

impl LineLimit {
    pub fn new(max: u32, interval: Duration, now: Instant) -> LineLimit {
        LineLimit { max, interval, left: max, since: now }
    }

    pub fn of_connection() -> LineLimit {
        LineLimit::new(1_000, Duration::from_secs(1), Instant::now())
    }

    /// Creates the limit of all connections, for clients that reconnect.
    pub fn of_all_connections() -> LineLimit {
        LineLimit::new(10_000, Duration::from_millis(100), Instant::now())
    }

    pub fn allows(&mut self, now: Instant) -> bool {
        let intervals = now.duration_since(self.since).as_nanos() / self.interval.as_nanos();
        let intervals = u32::try_from(intervals).unwrap_or(u32::MAX);
        if intervals > 0 {
            self.left = self.left.saturating_add(intervals).min(self.max);
            self.since = now;
        }
        let is_allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_limit_are_not_allowed() {
        let start = Instant::now();
        let mut limit = LineLimit::new(3, Duration::from_secs(1), start);
        for (seconds, expected) in [(0, 3), (1, 1), (1, 0), (3, 2), (1_000_000, 3)] {
            let now = start + Duration::from_secs(seconds);
            let allowed = (0..1000).filter(|_| limit.allows(now)).count();
            assert_eq!(allowed, expected, "after {seconds} s");
        }
    }
}
