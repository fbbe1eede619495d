//! Measurements of a backend on other hosts.

use crate::histogram::Histogram;
use std::time::Duration;

/// Upper bounds of the time that a task took, in microseconds.
const BOUNDS: [u64; 11] =
    [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteStats {
    /// The time from a task to its result, in microseconds.
    pub latency: Histogram<11>,
    /// Tasks that had to be judged again, because another host changed a record.
    pub conflicts: u64,
    /// Tasks without a result.
    pub failures: u64,
    /// True if the servers are not asked at present, because they failed.
    pub is_failing: bool,
}

impl Default for RemoteStats {
    fn default() -> RemoteStats {
        let latency = Histogram::new(&BOUNDS);
        RemoteStats { latency, conflicts: 0, failures: 0, is_failing: false }
    }
}

impl RemoteStats {
    /// Notes the time that a task took.
    pub fn observe(&mut self, time: Duration) {
        self.latency.observe(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }
}
