//! Statistics: counters of decisions, and measurements.
//!
//! Pure numbers, which the log, the tools and the metrics endpoint show.

use super::counters::Counters;
use crate::daemon::clock;
use crate::greylist::{Reason, Verdict};
use crate::histogram::Histogram;
use std::time::Duration;

/// Seconds that a mail waited, from a minute to two days.
const DELAYS: [u64; 11] = [60, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 172_800];

/// Microseconds of a commit, from a battery-backed cache to a disk in trouble.
const COMMITS: [u64; 11] =
    [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000];

const BATCHES: [u64; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    Clean,
    /// With complaints about lines or files, whose old rules may go on.
    Warned,
    Failed,
}

/// Numbers that only grow, and when the lists were read.
#[derive(Clone, Debug)]
pub struct Stats {
    pub counters: Counters,
    /// Seconds from a mail's first attempt to its first pass.
    pub delays: Histogram<11>,
    /// Microseconds that commits took.
    pub commits: Histogram<11>,
    /// Replies that waited for the same commit.
    pub batches: Histogram<10>,
    pub failed_commits: u64,
    /// When the daemon started, in seconds since the epoch.
    pub started: i64,
    /// When the lists were read, in seconds since the epoch.
    pub lists_read: i64,
    reloads: [u64; 3],
}

impl Default for Stats {
    fn default() -> Self {
        let now = clock::now();
        Stats {
            counters: Counters::default(),
            delays: Histogram::new(&DELAYS),
            commits: Histogram::new(&COMMITS),
            batches: Histogram::new(&BATCHES),
            failed_commits: 0,
            started: now,
            lists_read: now,
            reloads: [0; 3],
        }
    }
}

impl Stats {
    /// Counts a verdict, and the wait that it ends.
    pub fn decided(&mut self, verdict: Verdict) {
        self.counters.count(verdict.reason);
        if verdict.reason == Reason::FirstPass {
            self.delays.observe(u64::try_from(verdict.seconds).unwrap_or(0));
        }
    }

    /// Counts a commit that `replies` replies have waited for.
    pub fn committed(&mut self, took: Duration, replies: usize) {
        self.commits.observe(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        if replies > 0 {
            self.batches.observe(replies as u64);
        }
    }

    pub fn reloaded(&mut self, reload: Reload) {
        self.reloads[reload as usize] += 1;
        if reload != Reload::Failed {
            self.lists_read = clock::now();
        }
    }

    /// The reloads of the lists by result.
    pub fn reloads(&self) -> [(&'static str, u64); 3] {
        let [clean, warned, failed] = self.reloads;
        [("clean", clean), ("warned", warned), ("failed", failed)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_first_pass_ends_a_wait() {
        let mut stats = Stats::default();
        stats.decided(Verdict { reason: Reason::FirstPass, seconds: 400 });
        stats.decided(Verdict { reason: Reason::TripletFound, seconds: 90_000 });
        stats.decided(Reason::NoAddress.into());
        assert_eq!((stats.delays.total(), stats.delays.sum()), (1, 400));
    }

    #[test]
    fn a_commit_without_waiting_requests_is_not_counted_as_a_batch() {
        let mut stats = Stats::default();
        stats.committed(Duration::from_millis(3), 0);
        stats.committed(Duration::from_millis(4), 17);
        assert_eq!((stats.commits.total(), stats.commits.sum()), (2, 7000));
        assert_eq!((stats.batches.total(), stats.batches.sum()), (1, 17));
    }

    #[test]
    fn lists_that_could_not_be_read_stay_as_old_as_they_are() {
        let mut stats = Stats { lists_read: 7, ..Stats::default() };
        stats.reloaded(Reload::Failed);
        assert_eq!(stats.lists_read, 7);
        stats.reloaded(Reload::Warned);
        assert!(stats.lists_read > 7);
        assert_eq!(stats.reloads(), [("clean", 0), ("warned", 1), ("failed", 1)]);
    }
}
