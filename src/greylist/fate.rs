//! What becomes of an entry: what [`decide`](super::decide) would make of its
//! next attempt, and when clean-up deletes it. All times are in seconds since
//! the epoch.

use super::Policy;
use crate::store::{Passes, Seen};

/// What becomes of a triplet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// An attempt passes from one moment on to the last second of another;
    /// before, it is deferred, and afterwards it begins anew.
    Waits {
        /// When the delay is over.
        from: i64,
        /// When the retry window ends.
        until: i64,
    },
    /// Every attempt passes, unless there is none until then.
    Passes {
        /// The last second in which it is remembered.
        until: i64,
    },
    /// The next attempt counts as the first.
    BeginsAnew,
    /// It is too old: the next clean-up deletes it.
    Ends,
}

/// What becomes of a client's row on the auto-whitelist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientFate {
    /// It is not greylisted, unless it is silent until then.
    Exempt {
        /// The last second in which it is remembered.
        until: i64,
    },
    /// It needs some more first passes, at most one an hour.
    Counts {
        /// How many.
        missing: u64,
        /// The last second in which it is remembered.
        until: i64,
    },
    /// There is no auto-whitelist, so that the row is not looked at.
    Off,
    /// It is too old: the next clean-up deletes it.
    Ends,
}

/// The same in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not passed yet.
    Waiting,
    /// It passes.
    Passed,
    /// It counts as if it were not there, or will soon not be there.
    Expired,
}

impl State {
    /// All of them.
    pub const ALL: [State; 3] = [State::Waiting, State::Passed, State::Expired];

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Passed => "passed",
            State::Expired => "expired",
        }
    }
}

impl Fate {
    /// In one word.
    pub fn state(self) -> State {
        match self {
            Fate::Waits { .. } => State::Waiting,
            Fate::Passes { .. } => State::Passed,
            Fate::BeginsAnew | Fate::Ends => State::Expired,
        }
    }
}

impl ClientFate {
    /// In one word.
    pub fn state(self) -> State {
        match self {
            ClientFate::Counts { .. } | ClientFate::Off => State::Waiting,
            ClientFate::Exempt { .. } => State::Passed,
            ClientFate::Ends => State::Expired,
        }
    }
}

/// What becomes of a triplet.
pub fn fate(policy: &Policy, Seen { first, last }: Seen, now: i64) -> Fate {
    let has_passed = last.saturating_sub(first) >= policy.delay;
    let age = now.saturating_sub(last);
    let forgotten = last.saturating_add(policy.max_age);
    if age > policy.max_age || !has_passed && age > policy.retry_window {
        Fate::Ends
    } else if first > now || !has_passed && now.saturating_sub(first) > policy.retry_window {
        Fate::BeginsAnew
    } else if has_passed {
        Fate::Passes { until: forgotten }
    } else {
        let until = first.saturating_add(policy.retry_window).min(forgotten);
        Fate::Waits { from: first.saturating_add(policy.delay), until }
    }
}

/// What becomes of a client's row.
pub fn client_fate(policy: &Policy, Passes { count, last }: Passes, now: i64) -> ClientFate {
    let Some(enough) = policy.auto_whitelist else {
        return ClientFate::Off;
    };
    let until = last.saturating_add(policy.max_age);
    if now > until {
        ClientFate::Ends
    } else if count >= enough {
        ClientFate::Exempt { until }
    } else {
        ClientFate::Counts { missing: enough - count, until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;
    const DAY: i64 = 86_400;

    fn fate_of(first: i64, last: i64) -> Fate {
        fate(&Policy::default(), Seen { first: NOW - first, last: NOW - last }, NOW)
    }

    #[test]
    fn a_triplet_waits_for_the_delay_and_passes_until_the_retry_window_ends() {
        let waits = |first| Fate::Waits { from: NOW - first + 300, until: NOW - first + 2 * DAY };
        for (first, last, fate) in [
            (0, 0, waits(0)),
            (299, 0, waits(299)),
            (2 * DAY, DAY * 2 - 299, waits(2 * DAY)),
            (2 * DAY + 1, DAY * 2 - 298, Fate::BeginsAnew),
            (2 * DAY, 2 * DAY, waits(2 * DAY)),
            (2 * DAY + 1, 2 * DAY + 1, Fate::Ends),
        ] {
            assert_eq!(fate_of(first, last), fate, "{first} {last}");
        }
    }

    #[test]
    fn a_triplet_that_passed_stays_until_it_is_too_old() {
        let passes = |last| Fate::Passes { until: NOW - last + 35 * DAY };
        for (first, last, fate) in [
            (300, 0, passes(0)),
            (35 * DAY + 300, 35 * DAY, passes(35 * DAY)),
            (35 * DAY + 301, 35 * DAY + 1, Fate::Ends),
        ] {
            assert_eq!(fate_of(first, last), fate, "{first} {last}");
        }
    }

    #[test]
    fn what_lies_in_the_future_begins_anew() {
        assert_eq!(fate_of(-1, -301), Fate::BeginsAnew);
        assert_eq!(fate_of(-1, -1), Fate::BeginsAnew);
    }

    #[test]
    fn a_window_longer_than_the_longest_age_ends_with_that() {
        let policy = Policy { max_age: DAY, ..Policy::default() };
        let seen = Seen { first: NOW, last: NOW };
        assert_eq!(fate(&policy, seen, NOW), Fate::Waits { from: NOW + 300, until: NOW + DAY });
    }

    #[test]
    fn a_client_counts_until_it_is_exempt() {
        let until = NOW + 35 * DAY;
        let fate = |count, last| client_fate(&Policy::default(), Passes { count, last }, NOW);
        assert_eq!(fate(4, NOW), ClientFate::Counts { missing: 1, until });
        assert_eq!(fate(5, NOW), ClientFate::Exempt { until });
        assert_eq!(fate(9, NOW - 35 * DAY), ClientFate::Exempt { until: NOW });
        assert_eq!(fate(9, NOW - 35 * DAY - 1), ClientFate::Ends);
        let off = Policy { auto_whitelist: None, ..Policy::default() };
        assert_eq!(client_fate(&off, Passes { count: 9, last: NOW }, NOW), ClientFate::Off);
    }
}
