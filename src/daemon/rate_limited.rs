//! Rate limiting for errors that last.

use super::{Log, Severity};
use std::time::{Duration, Instant};

/// The shortest time between two log lines about one error that lasts.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// How often an error may end and begin again within that time before its
/// beginnings are no longer logged.
const MAX_BEGINNINGS: u32 = 5;

/// The log lines about one kind of error.
#[derive(Debug, Default)]
pub struct RateLimitedError {
    reported: Option<Instant>,
    /// Beginnings that were logged since the last interval without a line.
    beginnings: u32,
    /// True if its end has to be logged.
    is_open: bool,
}

impl RateLimitedError {
    /// Logs the error when it begins, and once a minute while it lasts.
    pub fn report(&mut self, line: impl FnOnce() -> String, log: &mut Log) {
        if self.is_due(Instant::now()) {
            log.line(Severity::Error, line());
        }
    }

    /// Returns true if the error has to be logged now, and takes it as logged.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let reported = self.reported;
        if reported.is_none_or(|moment| now.duration_since(moment) >= REPORT_INTERVAL) {
            self.beginnings = 0;
        } else if self.is_open || self.beginnings == MAX_BEGINNINGS {
            return false;
        }
        self.beginnings += 1;
        self.reported = Some(now);
        self.is_open = true;
        true
    }

    /// Logs the end of the error, if the error was logged.
    pub fn end(&mut self, line: &str, log: &mut Log) {
        if std::mem::take(&mut self.is_open) {
            log.line(Severity::Warning, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_logged_when_it_begins_and_once_a_minute() {
        let start = Instant::now();
        let mut error = RateLimitedError::default();
        let mut is_due = |seconds| error.is_due(start + Duration::from_secs(seconds));
        assert_eq!(
            [0, 1, 59, 60, 61, 120].map(&mut is_due),
            [true, false, false, true, false, true]
        );
    }

    #[test]
    fn an_error_that_begins_again_is_logged_five_times_a_minute() {
        let start = Instant::now();
        let mut error = RateLimitedError::default();
        let mut begin = |seconds| {
            let is_due = error.is_due(start + Duration::from_secs(seconds));
            error.is_open = false;
            is_due
        };
        assert_eq!([0, 1, 2, 3, 4].map(&mut begin), [true; 5]);
        assert_eq!([5, 6, 63].map(&mut begin), [false; 3]);
        assert_eq!([64, 65].map(&mut begin), [true; 2]);
    }
}
