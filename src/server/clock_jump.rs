//! Detects a time of day that jumps forward.
//!
//! Expiry deletes what is old by the time of day. When that jumps, because of a
//! bad time server or a resumed machine, nothing has become old. The monotonic
//! clock does not jump: the two together show it.

use std::time::{Duration, Instant};

/// The largest step of the time of day, in seconds, that is accepted. Expiring
/// records this much early does no harm.
const MAX_STEP: i64 = 300;

/// The time for which the time of day has to be steady after a jump.
const STEADY_TIME: Duration = Duration::from_secs(3600);

/// The time of day, compared with the monotonic clock at intervals.
#[derive(Debug)]
pub struct ClockJump {
    /// A pair of times that belong together.
    base: (i64, Instant),
    jump: Option<Jump>,
}

/// A jump that has not been steady long enough.
#[derive(Debug)]
struct Jump {
    ahead: i64,
    seen: Instant,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The time of day may be used.
    Steady,
    /// The time of day has just jumped forward by this many seconds.
    Jumped(i64),
    /// It jumped less than an hour ago.
    Waiting,
    /// It has returned, or has been steady for an hour: it may be used again.
    Settled,
}

impl ClockJump {
    /// Starts with a time of day that is assumed to be right.
    pub fn new(now: i64, at: Instant) -> ClockJump {
        ClockJump { base: (now, at), jump: None }
    }

    /// Compares the clocks. A time of day that goes back expires nothing too
    /// early, and is assumed to be right.
    pub fn compare(&mut self, now: i64, at: Instant) -> Comparison {
        let elapsed = at.saturating_duration_since(self.base.1).as_secs();
        let expected = self.base.0.saturating_add(elapsed.try_into().unwrap_or(i64::MAX));
        let ahead = now.saturating_sub(expected);
        if ahead <= MAX_STEP {
            self.base = (now, at);
            return if self.jump.take().is_some() {
                Comparison::Settled
            } else {
                Comparison::Steady
            };
        }
        match &self.jump {
            Some(jump) if ahead.abs_diff(jump.ahead) > MAX_STEP.unsigned_abs() => {}
            Some(jump) if at.saturating_duration_since(jump.seen) < STEADY_TIME => {
                return Comparison::Waiting;
            }
            Some(_) => {
                *self = ClockJump::new(now, at);
                return Comparison::Settled;
            }
            None => {}
        }
        self.jump = Some(Jump { ahead, seen: at });
        Comparison::Jumped(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::Comparison::{Jumped, Settled, Steady, Waiting};
    use super::*;

    const TEN_YEARS: i64 = 315_360_000;

    #[test]
    fn a_jump_has_to_be_steady_for_an_hour() {
        /// Seconds of the monotonic clock, and how far the time of day is ahead
        /// of it.
        type Step = (u64, i64, Comparison);
        let stories: [(&[Step], &str); 6] = [
            (&[(0, 0, Steady), (3600, 0, Steady), (7200, 300, Steady)], "no jump"),
            (
                &[(10, TEN_YEARS, Jumped(TEN_YEARS)), (20, TEN_YEARS, Waiting), (40, 0, Settled)],
                "back after half a minute",
            ),
            (
                &[
                    (10, TEN_YEARS, Jumped(TEN_YEARS)),
                    (3609, TEN_YEARS, Waiting),
                    (3610, TEN_YEARS, Settled),
                    (3611, TEN_YEARS, Steady),
                    (3612, TEN_YEARS + 301, Jumped(301)),
                ],
                "steady for an hour",
            ),
            (
                &[
                    (10, 1000, Jumped(1000)),
                    (3600, 2000, Jumped(2000)),
                    (3700, 2000, Waiting),
                    (7200, 2000, Settled),
                ],
                "another jump before the hour is over",
            ),
            (
                &[(10, -TEN_YEARS, Steady), (20, -TEN_YEARS, Steady), (30, 0, Jumped(TEN_YEARS))],
                "back and forward",
            ),
            (&[(10, 250, Steady), (20, 500, Steady), (30, 801, Jumped(301))], "small steps"),
        ];
        for (steps, name) in stories {
            let start = Instant::now();
            let mut clock = ClockJump::new(1_764_000_000, start);
            for (elapsed, ahead, expected) in steps {
                let now = 1_764_000_000 + i64::try_from(*elapsed).expect("a small number") + ahead;
                let found = clock.compare(now, start + Duration::from_secs(*elapsed));
                assert_eq!(found, *expected, "{name}, after {elapsed} seconds");
            }
        }
    }

    #[test]
    fn times_beyond_all_bounds_are_compared() {
        let start = Instant::now();
        let mut clock = ClockJump::new(0, start);
        assert_eq!(clock.compare(i64::MAX, start), Jumped(i64::MAX));
        assert_eq!(clock.compare(i64::MIN, start), Settled);
        assert_eq!(clock.compare(0, start), Jumped(i64::MAX));
    }
}
