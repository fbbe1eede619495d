//! The pace of tools. While there is mail, they rest after each slice of records.
//!
//! A tool that reads the whole state would otherwise keep two processors busy, its own
//! and the daemon's, and mail would wait until the scheduler runs the daemon again.

use super::counters::Counters;
use std::time::{Duration, Instant};

/// The rest after a slice, which takes less than half of that.
const REST: Duration = Duration::from_millis(1);

/// The time after a request for which more mail is expected.
const MAIL_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub struct ToolPace {
    /// As they were with the last batch.
    counters: Counters,
    /// The time of the last batch with mail.
    mail: Option<Instant>,
    rest_until: Option<Instant>,
}

impl ToolPace {
    /// Notes the counters of a batch: there was mail if they have changed.
    pub fn note(&mut self, counters: &Counters, now: Instant) {
        if self.counters != *counters {
            self.counters = *counters;
            self.mail = Some(now);
        }
    }

    /// Notes that a tool has got a slice.
    pub fn served(&mut self, now: Instant) {
        let has_mail = self.mail.is_some_and(|mail| now < mail + MAIL_INTERVAL);
        self.rest_until = has_mail.then(|| now + REST);
    }

    /// The end of the present rest, if there is one.
    pub fn rest(&self, now: Instant) -> Option<Instant> {
        self.rest_until.filter(|end| now < *end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_rest_after_each_slice_while_there_is_mail() {
        let (mut pace, start) = (ToolPace::default(), Instant::now());
        let mut counters = Counters::default();
        pace.note(&counters, start);
        pace.served(start);
        assert_eq!(pace.rest(start), None, "an idle daemon");
        counters.connections += 1;
        pace.note(&counters, start);
        assert_eq!(pace.rest(start), None, "the first slice");
        pace.served(start);
        assert_eq!(pace.rest(start), Some(start + REST));
        assert_eq!(pace.rest(start + REST), None);
        let later = start + MAIL_INTERVAL;
        pace.note(&counters, later);
        pace.served(later);
        assert_eq!(pace.rest(later), None, "no more mail");
    }
}
