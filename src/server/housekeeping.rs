//! Expiry without a schedule: short slices between batches, at a pace that takes
//! them through all records once an hour.

use super::clock_jump::{ClockJump, Comparison};
use super::size_limit::{Excess, SizeLimit};
use crate::daemon::rate_limited::RateLimitedError;
use crate::daemon::{Log, Severity, clock};
use crate::state::{Backend, ExpiryPass, ExpirySlice, Lifetimes, TableExpiry};
use std::time::{Duration, Instant};

/// The time that a pass through all records should take.
const PASS_DURATION: Duration = Duration::from_secs(3600);

/// The time from the start to the first slice: a machine may set its clock in its
/// first moments.
const START_DELAY: Duration = Duration::from_secs(10);

/// The shortest pause between slices, and the pause after a failure.
const MIN_PAUSE: Duration = Duration::from_millis(20);
const FAILURE_PAUSE: Duration = Duration::from_secs(60);

/// The interval of comparisons of the clocks after a jump.
const JUMP_PAUSE: Duration = Duration::from_secs(60);

/// The pause after a slice, as a multiple of its duration.
const PAUSE_PER_WORK: u32 = 19;

/// The same after a commit that deleted records: mail waits for it, and expiry must
/// not keep a slow disk busy.
const PAUSE_PER_COMMIT: u32 = 4;

/// The longest pause between slices while the state is too large.
const LIMIT_PAUSE: Duration = Duration::from_secs(1);

/// The interval of comparisons of the state's size with its limit.
const SIZE_INTERVAL: Duration = Duration::from_secs(1);

/// The shortest time between two reports of deleted entries, except with
/// `--verbose`.
const REPORT_INTERVAL: Duration = Duration::from_secs(86_400);

/// The schedule of the slices, and what has not been reported yet.
pub struct Housekeeping {
    lifetimes: Lifetimes,
    size_limit: SizeLimit,
    size_due: Instant,
    next: Instant,
    clock: ClockJump,
    last_pass: Option<ExpiryPass>,
    /// Deleted records, by table, since the last report.
    unreported: [u64; 2],
    reported: Option<Instant>,
    trouble: RateLimitedError,
}

impl Housekeeping {
    pub fn new(lifetimes: Lifetimes, size_limit: SizeLimit) -> Housekeeping {
        Housekeeping {
            lifetimes,
            size_limit,
            size_due: Instant::now(),
            next: Instant::now() + START_DELAY,
            clock: ClockJump::new(clock::now(), Instant::now()),
            last_pass: None,
            unreported: [0; 2],
            reported: None,
            trouble: RateLimitedError::default(),
        }
    }

    pub fn next(&self) -> Instant {
        self.next
    }

    /// The result of the last pass through all records.
    pub fn last_pass(&self) -> Option<ExpiryPass> {
        self.last_pass
    }

    /// Runs an expiry slice if one is due, and logs the result of a finished pass.
    pub fn keep(&mut self, backend: &mut dyn Backend, log: &mut Log) {
        let begin = Instant::now();
        if begin >= self.next && self.is_clock_steady(begin, log) {
            let retry_window = self.size_limit.retry_window(self.lifetimes.retry_window);
            let lifetimes = Lifetimes { retry_window, ..self.lifetimes };
            let rest = match backend.expire(&lifetimes, clock::now()) {
                Ok(None) => PASS_DURATION,
                Ok(Some(_)) if backend.failure().is_some() => FAILURE_PAUSE,
                Ok(Some(_)) if self.size_limit.is_urgent() => urgent_rest(begin.elapsed()),
                // Nothing can be deleted yet; new records come meanwhile.
                Ok(Some(look)) if self.size_limit.is_exceeded() => {
                    rest_after(look, begin.elapsed()).min(LIMIT_PAUSE)
                }
                Ok(Some(look)) => rest_after(look, begin.elapsed()),
                Err(failure) => {
                    self.trouble.report(|| format!("clean-up: {failure}"), log);
                    FAILURE_PAUSE
                }
            };
            self.next = Instant::now() + rest;
        }
        let pass = backend.take_expiry_pass();
        let is_size_due = begin >= self.size_due || self.size_limit.is_urgent();
        if self.size_limit.is_set() && (is_size_due || pass.is_some()) {
            self.size_due = begin + SIZE_INTERVAL;
            self.check_size(backend, pass, log);
        }
        if let Some(pass) = pass {
            self.last_pass = Some(pass);
            if pass.corrected > 0 {
                let line = format!(
                    "entries with times more than a day in the future, set to now: {}",
                    pass.corrected
                );
                log.line(Severity::Warning, line);
            }
            for line in self.news(pass, begin, log.takes(Severity::Info)) {
                log.line(Severity::Warning, line);
            }
        }
    }

    /// Compares the state's size with its limit. If that is exceeded now, the next
    /// slice does not wait for its turn, which may be an hour away.
    fn check_size(&mut self, backend: &dyn Backend, pass: Option<ExpiryPass>, log: &mut Log) {
        let was_urgent = self.size_limit.is_urgent();
        let line = self.size_limit.note(backend.size().used, pass).map(|excess| match excess {
            Excess::Waiting => {
                "the database exceeds --max-size; the oldest entries of mail that was not accepted \
                 yet are deleted"
            }
            Excess::Accepted => {
                "the database exceeds --max-size with entries of accepted mail, which are not \
                 deleted; increase --max-size or reduce --max-age"
            }
        });
        if let Some(line) = line {
            log.line(Severity::Warning, line);
        }
        if self.size_limit.is_urgent() && !was_urgent {
            self.next = Instant::now();
        }
    }

    /// Returns true if the time of day may be used. After a jump, nothing is
    /// deleted until the time of day has been steady for an hour.
    fn is_clock_steady(&mut self, begin: Instant, log: &mut Log) -> bool {
        let comparison = self.clock.compare(clock::now(), begin);
        match comparison {
            Comparison::Jumped(seconds) => log.line(
                Severity::Warning,
                format!(
                    "the clock jumped forward by {seconds} seconds; no entries are deleted until \
                     it has been steady for an hour"
                ),
            ),
            Comparison::Settled => {
                log.line(Severity::Warning, "the clock is steady again; old entries are deleted");
            }
            Comparison::Steady | Comparison::Waiting => {}
        }
        let is_steady = matches!(comparison, Comparison::Steady | Comparison::Settled);
        if !is_steady {
            self.next = begin + JUMP_PAUSE;
        }
        is_steady
    }

    /// The original's lines (BEHAVIOUR G). From one time to the next the numbers
    /// add up: what came meanwhile is the difference between the last `after`
    /// and this `before`.
    fn news(&mut self, pass: ExpiryPass, now: Instant, is_talkative: bool) -> Vec<String> {
        for (unreported, tally) in self.unreported.iter_mut().zip([pass.triplets, pass.clients]) {
            *unreported += tally.deleted;
        }
        let is_due =
            self.reported.is_none_or(|reported| now - reported >= REPORT_INTERVAL) || is_talkative;
        if !is_due || self.unreported == [0; 2] {
            return Vec::new();
        }
        self.reported = Some(now);
        let [triplets, clients] = std::mem::take(&mut self.unreported);
        let mut lines = vec!["cleaning up old entries...".to_string()];
        lines.push(finished("main", pass.triplets, triplets));
        if self.lifetimes.clients {
            lines.push(finished("clients", pass.clients, clients));
        }
        lines
    }
}

fn finished(name: &str, tally: TableExpiry, unreported: u64) -> String {
    let after = tally.kept();
    format!("cleaning {name} database finished. before: {}, after: {after}", after + unreported)
}

/// The pause after a slice while the state is too large.
fn urgent_rest(work: Duration) -> Duration {
    MIN_PAUSE.max(work * PAUSE_PER_COMMIT)
}

/// The pause after a slice that took this long: short where many records have
/// expired, else the slice's share of an hour.
fn rest_after(look: ExpirySlice, work: Duration) -> Duration {
    let share = match look {
        ExpirySlice { is_full: true, cost, .. } => cost * PAUSE_PER_COMMIT,
        ExpirySlice { of: 0, .. } => PASS_DURATION,
        ExpirySlice { rows, of, .. } => PASS_DURATION.mul_f64(rows as f64 / of as f64),
    };
    share.max(MIN_PAUSE).max(work * PAUSE_PER_WORK).min(PASS_DURATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIMES: Lifetimes =
        Lifetimes { max_age: 3_024_000, retry_window: 172_800, delay: 300, clients: true };

    fn pass(triplets: (u64, u64), clients: (u64, u64)) -> ExpiryPass {
        let tally = |(before, deleted)| TableExpiry { before, deleted };
        ExpiryPass { triplets: tally(triplets), clients: tally(clients), ..ExpiryPass::default() }
    }

    #[test]
    fn each_look_takes_its_share_of_an_hour() {
        let milliseconds = Duration::from_millis;
        let look = |rows, of| ExpirySlice { rows, of, is_full: false, cost: milliseconds(7) };
        let full =
            |cost| ExpirySlice { is_full: true, cost: milliseconds(cost), ..look(500, 1_000_000) };
        let table = [
            // A small database is looked at once an hour, and so is an empty one.
            (look(20, 20), milliseconds(3_600_000)),
            (look(0, 0), milliseconds(3_600_000)),
            (look(5_000, 1_000_000), milliseconds(18_000)),
            // A look that finds the end right away, or a very large database.
            (look(0, 1_000_000), milliseconds(20)),
            (look(32, 100_000_000), milliseconds(20)),
            // Much is too old.
            (full(5), milliseconds(20)),
            // And the disk is slow to delete it.
            (full(50), milliseconds(200)),
        ];
        for (look, rest) in table {
            assert_eq!(rest_after(look, milliseconds(1)), rest, "{look:?}");
        }
        assert_eq!(rest_after(full(7), milliseconds(10)), milliseconds(190), "a slow disk");
    }

    #[test]
    fn expired_records_are_logged_once_a_day() {
        let mut housekeeping = Housekeeping::new(LIFETIMES, SizeLimit::new(0));
        let start = Instant::now();
        let hour = |hour: u64| start + Duration::from_secs(3600 * hour);
        let mut news = |hours, pass| housekeeping.news(pass, hour(hours), false);

        assert!(news(1, pass((20, 0), (7, 0))).is_empty(), "nothing went");
        assert_eq!(
            news(2, pass((20, 11), (7, 4))),
            [
                "cleaning up old entries...",
                "cleaning main database finished. before: 20, after: 9",
                "cleaning clients database finished. before: 7, after: 3",
            ]
        );
        assert!(news(3, pass((12, 1), (3, 0))).is_empty(), "told an hour ago");
        assert!(news(25, pass((15, 2), (4, 1))).is_empty(), "told 23 hours ago");
        assert_eq!(
            news(26, pass((14, 0), (3, 0))),
            [
                "cleaning up old entries...",
                "cleaning main database finished. before: 17, after: 14",
                "cleaning clients database finished. before: 4, after: 3",
            ]
        );
        assert!(news(50, pass((14, 0), (3, 0))).is_empty(), "nothing went since");
    }

    #[test]
    fn a_verbose_log_has_every_expiry_pass_that_deleted_records() {
        let lifetimes = Lifetimes { clients: false, ..LIFETIMES };
        let mut housekeeping = Housekeeping::new(lifetimes, SizeLimit::new(0));
        let mut news = |pass| housekeeping.news(pass, Instant::now(), true);
        for before in [20, 19] {
            assert_eq!(
                news(pass((before, 1), (0, 0))),
                [
                    "cleaning up old entries...".to_string(),
                    format!(
                        "cleaning main database finished. before: {before}, after: {}",
                        before - 1
                    ),
                ]
            );
        }
        assert!(news(pass((18, 0), (0, 0))).is_empty());
    }
}
