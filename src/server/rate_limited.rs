//! Rate limiting for errors that last.

use crate::daemon::{Log, Severity};
use std::time::{Duration, Instant};

/// The shortest time between two log lines about one error.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// The log lines about one kind of error.
#[derive(Debug, Default)]
pub struct RateLimitedError {
    reported: Option<Instant>,
    /// True if its end has to be logged.
    is_open: bool,
}

impl RateLimitedError {
    /// Logs the error, at most once a minute.
    pub fn report(&mut self, line: impl FnOnce() -> String, log: &mut Log) {
        if self.reported.is_none_or(|moment| moment.elapsed() >= REPORT_INTERVAL) {
            self.reported = Some(Instant::now());
            self.is_open = true;
            log.line(Severity::Error, line());
        }
    }

    /// Logs the end of the error, if the error was logged.
    pub fn end(&mut self, line: &str, log: &mut Log) {
        if std::mem::take(&mut self.is_open) {
            log.line(Severity::Warning, line);
        }
    }
}
