//! Trouble that lasts is one story, not a line for each mail.

use crate::daemon::{Log, Severity};
use std::time::{Duration, Instant};

/// How long the log is silent about the same trouble.
const SILENCE: Duration = Duration::from_secs(60);

/// What the log knows of one kind of trouble.
#[derive(Debug, Default)]
pub struct RateLimitedError {
    told: Option<Instant>,
    /// Whether its end would be news.
    is_open: bool,
}

impl RateLimitedError {
    /// Tells of it, at most once a minute.
    pub fn report(&mut self, line: impl FnOnce() -> String, log: &mut Log) {
        if self.told.is_none_or(|told| told.elapsed() >= SILENCE) {
            self.told = Some(Instant::now());
            self.is_open = true;
            log.line(Severity::Error, line());
        }
    }

    /// Tells of its end, if its beginning was told.
    pub fn end(&mut self, line: &str, log: &mut Log) {
        if std::mem::take(&mut self.is_open) {
            log.line(Severity::Warning, line);
        }
    }
}
