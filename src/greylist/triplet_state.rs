//! The state of a record: the result of its next attempt, and when it expires.
//! Times are in seconds since the epoch.

use super::Policy;
use super::{ClientRecord, TripletRecord};

/// The state of a triplet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TripletState {
    /// An attempt passes between two times; before, it is deferred, and
    /// afterwards the wait starts again.
    Waits {
        /// The end of the delay.
        from: i64,
        /// The end of the retry window.
        until: i64,
    },
    /// Every attempt passes. Without one it expires.
    Passes {
        /// The last second in which it is remembered.
        until: i64,
    },
    /// The next attempt counts as the first.
    Restarts,
    /// It is too old: the next clean-up deletes it.
    Expired,
}

/// The state of a client's record on the auto-whitelist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientState {
    /// It is not greylisted, unless it is silent until then.
    Exempt {
        /// The last second in which it is remembered.
        until: i64,
    },
    /// It needs some more first passes, at most one an hour.
    Counts {
        /// The number of passes that are missing.
        missing: u64,
        /// The last second in which it is remembered.
        until: i64,
    },
    /// The auto-whitelist is disabled.
    Off,
    /// It is too old: the next clean-up deletes it.
    Expired,
}

/// The state of a triplet or client in one word.
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
    pub const ALL: [State; 3] = [State::Waiting, State::Passed, State::Expired];

    pub fn word(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Passed => "passed",
            State::Expired => "expired",
        }
    }
}

impl TripletState {
    /// In one word.
    pub fn state(self) -> State {
        match self {
            TripletState::Waits { .. } => State::Waiting,
            TripletState::Passes { .. } => State::Passed,
            TripletState::Restarts | TripletState::Expired => State::Expired,
        }
    }
}

impl ClientState {
    /// In one word.
    pub fn state(self) -> State {
        match self {
            ClientState::Counts { .. } | ClientState::Off => State::Waiting,
            ClientState::Exempt { .. } => State::Passed,
            ClientState::Expired => State::Expired,
        }
    }
}

/// Returns the state of a triplet at `now`.
pub fn triplet_state(
    policy: &Policy,
    TripletRecord { first, last }: TripletRecord,
    now: i64,
) -> TripletState {
    let has_passed = last.saturating_sub(first) >= policy.delay;
    let age = now.saturating_sub(last);
    let forgotten = last.saturating_add(policy.max_age);
    if age > policy.max_age || !has_passed && age > policy.retry_window {
        TripletState::Expired
    } else if first > now || !has_passed && now.saturating_sub(first) > policy.retry_window {
        TripletState::Restarts
    } else if has_passed {
        TripletState::Passes { until: forgotten }
    } else {
        let until = first.saturating_add(policy.retry_window).min(forgotten);
        TripletState::Waits { from: first.saturating_add(policy.delay), until }
    }
}

/// Returns the state of a client on the auto-whitelist at `now`.
pub fn client_state(
    policy: &Policy,
    ClientRecord { count, last }: ClientRecord,
    now: i64,
) -> ClientState {
    let Some(enough) = policy.auto_whitelist else {
        return ClientState::Off;
    };
    let until = last.saturating_add(policy.max_age);
    if now > until {
        ClientState::Expired
    } else if count >= enough {
        ClientState::Exempt { until }
    } else {
        ClientState::Counts { missing: enough - count, until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;
    const DAY: i64 = 86_400;

    fn state_of(first: i64, last: i64) -> TripletState {
        triplet_state(
            &Policy::default(),
            TripletRecord { first: NOW - first, last: NOW - last },
            NOW,
        )
    }

    #[test]
    fn a_triplet_waits_for_the_delay_and_passes_until_the_retry_window_ends() {
        let waits =
            |first| TripletState::Waits { from: NOW - first + 300, until: NOW - first + 2 * DAY };
        for (first, last, state) in [
            (0, 0, waits(0)),
            (299, 0, waits(299)),
            (2 * DAY, DAY * 2 - 299, waits(2 * DAY)),
            (2 * DAY + 1, DAY * 2 - 298, TripletState::Restarts),
            (2 * DAY, 2 * DAY, waits(2 * DAY)),
            (2 * DAY + 1, 2 * DAY + 1, TripletState::Expired),
        ] {
            assert_eq!(state_of(first, last), state, "{first} {last}");
        }
    }

    #[test]
    fn a_triplet_that_passed_stays_until_it_is_too_old() {
        let passes = |last| TripletState::Passes { until: NOW - last + 35 * DAY };
        for (first, last, state) in [
            (300, 0, passes(0)),
            (35 * DAY + 300, 35 * DAY, passes(35 * DAY)),
            (35 * DAY + 301, 35 * DAY + 1, TripletState::Expired),
        ] {
            assert_eq!(state_of(first, last), state, "{first} {last}");
        }
    }

    #[test]
    fn records_in_the_future_start_again() {
        assert_eq!(state_of(-1, -301), TripletState::Restarts);
        assert_eq!(state_of(-1, -1), TripletState::Restarts);
    }

    #[test]
    fn a_window_longer_than_the_longest_age_ends_with_that() {
        let policy = Policy { max_age: DAY, ..Policy::default() };
        let seen = TripletRecord { first: NOW, last: NOW };
        assert_eq!(
            triplet_state(&policy, seen, NOW),
            TripletState::Waits { from: NOW + 300, until: NOW + DAY }
        );
    }

    #[test]
    fn a_client_counts_until_it_is_exempt() {
        let until = NOW + 35 * DAY;
        let state =
            |count, last| client_state(&Policy::default(), ClientRecord { count, last }, NOW);
        assert_eq!(state(4, NOW), ClientState::Counts { missing: 1, until });
        assert_eq!(state(5, NOW), ClientState::Exempt { until });
        assert_eq!(state(9, NOW - 35 * DAY), ClientState::Exempt { until: NOW });
        assert_eq!(state(9, NOW - 35 * DAY - 1), ClientState::Expired);
        let off = Policy { auto_whitelist: None, ..Policy::default() };
        assert_eq!(client_state(&off, ClientRecord { count: 9, last: NOW }, NOW), ClientState::Off);
    }
}
