//! Clean-up without a schedule: short looks at the database between the turns
//! of the loop, at a pace that takes them through all of it once an hour.

use super::trouble::Trouble;
use crate::daemon::{Log, Severity, clock};
use crate::store::lmdb::Store;
use crate::store::{Lap, Lifetimes, Look, Tally};
use std::time::{Duration, Instant};

/// How long a walk through the whole database should take.
const LAP: Duration = Duration::from_secs(3600);

/// When the first look comes, after the start: nothing is deleted by a clock
/// that a machine sets right in its first moments.
const FIRST: Duration = Duration::from_secs(10);

/// How long clean-up rests at least, and how long after a failure.
const REST: Duration = Duration::from_millis(20);
const REST_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// Clean-up rests so many times as long as a look took.
const REST_PER_WORK: u32 = 19;

/// How often the log tells of deleted entries; when it tells of everything,
/// every time.
const SILENCE: Duration = Duration::from_secs(86_400);

/// When to look next, and what to tell.
pub struct Housekeeping {
    lifetimes: Lifetimes,
    next: Instant,
    /// What was deleted since the log told of it.
    untold: [u64; 2],
    told: Option<Instant>,
    trouble: Trouble,
}

impl Housekeeping {
    /// Clean-up by these rules, beginning soon.
    pub fn new(lifetimes: Lifetimes) -> Housekeeping {
        Housekeeping {
            lifetimes,
            next: Instant::now() + FIRST,
            untold: [0; 2],
            told: None,
            trouble: Trouble::default(),
        }
    }

    /// When there is something to do again.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// Looks at some entries if it is time, and tells of those that are gone.
    pub fn keep(&mut self, store: &mut Store, log: &mut Log) {
        let begin = Instant::now();
        if begin >= self.next {
            let rest = match store.look(&self.lifetimes, clock::now()) {
                Ok(look) if !store.is_failing() => rest_after(look, begin.elapsed()),
                Ok(_) => REST_AFTER_FAILURE,
                Err(failure) => {
                    self.trouble.report(|| format!("clean-up: {failure}"), log);
                    REST_AFTER_FAILURE
                }
            };
            self.next = Instant::now() + rest;
        }
        if let Some(lap) = store.take_lap() {
            self.tell(lap, begin, log);
        }
    }

    /// The original's lines. Between two of them the numbers add up: what came
    /// is the difference of `before` to the `after` of the last time.
    fn tell(&mut self, lap: Lap, now: Instant, log: &mut Log) {
        for (untold, tally) in self.untold.iter_mut().zip([lap.triplets, lap.clients]) {
            *untold += tally.deleted;
        }
        let is_silent = self.told.is_some_and(|told| now - told < SILENCE);
        if self.untold == [0; 2] || is_silent && !log.takes(Severity::Info) {
            return;
        }
        self.told = Some(now);
        let [triplets, clients] = std::mem::take(&mut self.untold);
        log.line(Severity::Warning, "cleaning up old entries...");
        log.line(Severity::Warning, finished("main", lap.triplets, triplets));
        if self.lifetimes.clients {
            log.line(Severity::Warning, finished("clients", lap.clients, clients));
        }
    }
}

fn finished(name: &str, Tally { before, deleted }: Tally, untold: u64) -> String {
    let after = before - deleted;
    format!("cleaning {name} database finished. before: {}, after: {after}", after + untold)
}

/// How long to rest after a look that took so long: where much is too old, the
/// next comes soon; else each takes its share of an hour.
fn rest_after(look: Look, work: Duration) -> Duration {
    let share = match look {
        Look { is_full: true, .. } => Duration::ZERO,
        Look { of: 0, .. } => LAP,
        Look { rows, of, .. } => LAP.mul_f64(rows as f64 / of as f64),
    };
    share.max(REST).max(work * REST_PER_WORK).min(LAP)
}
