//! The limit of the state's size (`--max-size`).
//!
//! Any host can send mail with long addresses, and each first attempt is stored. Once
//! the limit is exceeded, the retry window is reduced with each expiry pass to half
//! the age of the oldest triplet that has not passed, until an eighth of the limit is
//! free. Accepted mail is never forgotten sooner.

use crate::state::ExpiryPass;

/// The least share of waiting triplets among all records, as a divisor. With fewer, the
/// state stays too large: it consists of accepted mail, and without waiting triplets
/// no new mail would ever pass.
const MIN_WAITING_SHARE: u64 = 8;

/// The limit, and how far the retry window is reduced because of it.
#[derive(Debug)]
pub struct SizeLimit {
    /// In bytes; zero for none.
    limit: u64,
    /// The reduced retry window in seconds.
    window: Option<i64>,
    is_exceeded: bool,
    /// True until enough of an exceeded limit is free again.
    is_shrinking: bool,
    /// False if the last pass through an exceeded state kept too few waiting triplets.
    has_waiting: bool,
    /// What was reported of the present excess.
    reported: [bool; 2],
}

/// An excess as the administrator should know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// Waiting triplets are deleted.
    Waiting,
    /// There are too few waiting triplets, and nothing is deleted.
    Accepted,
}

impl SizeLimit {
    /// A limit in bytes; there is none with zero.
    pub fn new(limit: u64) -> SizeLimit {
        SizeLimit {
            limit,
            window: None,
            is_exceeded: false,
            is_shrinking: false,
            has_waiting: true,
            reported: [false; 2],
        }
    }

    /// Returns true if there is a limit.
    pub fn is_set(&self) -> bool {
        self.limit > 0
    }

    /// The retry window in seconds that applies now; negative if triplets of this very
    /// second are too old.
    pub fn retry_window(&self, retry_window: i64) -> i64 {
        self.window.map_or(retry_window, |window| window.min(retry_window))
    }

    /// Returns true if the state was larger than the limit when it was last measured.
    pub fn is_exceeded(&self) -> bool {
        self.is_exceeded
    }

    /// Returns true if the next expiry slice should not wait for its turn.
    pub fn is_urgent(&self) -> bool {
        self.is_shrinking && self.has_waiting
    }

    /// Notes the used bytes of the state, and the expiry pass that has just ended.
    /// Returns an excess to report, after the pass that shows its kind.
    pub fn note(&mut self, used: Option<u64>, pass: Option<ExpiryPass>) -> Option<Excess> {
        let used = used.filter(|_| self.limit > 0)?;
        let was_shrinking = self.is_shrinking;
        self.is_exceeded = used > self.limit;
        self.is_shrinking = self.is_exceeded
            || was_shrinking && self.has_waiting && used > self.limit - self.limit / 8;
        if !self.is_shrinking {
            // The next excess starts with a pass of its own.
            self.has_waiting = true;
        } else if let Some(pass) = pass {
            let kept = pass.triplets.kept() + pass.clients.kept();
            self.has_waiting = pass.waiting > 0 && pass.waiting >= kept / MIN_WAITING_SHARE;
            self.window = pass.oldest_waiting.map(half);
        }
        if pass.is_some() && !was_shrinking && !self.is_shrinking {
            self.reported = [false; 2];
        }
        if !self.is_urgent() {
            self.window = None;
        }
        let excess = if self.has_waiting { Excess::Waiting } else { Excess::Accepted };
        let is_known = self.is_exceeded && pass.is_some();
        (is_known && !std::mem::replace(&mut self.reported[excess as usize], true))
            .then_some(excess)
    }
}

/// A retry window of half this age. It is shorter than the age, so that each pass
/// deletes at least the oldest triplets.
fn half(age: i64) -> i64 {
    (age / 2).min(age.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::TableExpiry;

    const HOUR: i64 = 3600;

    /// A pass that kept some waiting triplets and others.
    fn pass(waiting: u64, oldest_waiting: i64, others: u64) -> Option<ExpiryPass> {
        let triplets = TableExpiry { before: waiting + others, deleted: 0 };
        let oldest_waiting = (waiting > 0).then_some(oldest_waiting);
        Some(ExpiryPass { triplets, waiting, oldest_waiting, ..ExpiryPass::default() })
    }

    #[test]
    fn retry_window_is_half_the_oldest_age_until_the_state_is_small_enough() {
        let mut limit = SizeLimit::new(800);
        let mut note = |used, pass| {
            let is_news = limit.note(Some(used), pass) == Some(Excess::Waiting);
            (is_news, limit.is_urgent(), limit.retry_window(8 * HOUR))
        };
        assert_eq!(note(0, pass(0, HOUR, 0)), (false, false, 8 * HOUR));
        assert_eq!(note(800, pass(9, HOUR, 1)), (false, false, 8 * HOUR));
        assert_eq!(note(801, None), (false, true, 8 * HOUR), "a pass will show its kind");
        assert_eq!(note(900, pass(9, 2 * HOUR, 1)), (true, true, HOUR), "the first is reported");
        assert_eq!(note(850, None), (false, true, HOUR));
        assert_eq!(note(790, pass(9, 1, 1)), (false, true, 0), "an eighth has to be free");
        assert_eq!(note(790, pass(9, 0, 1)), (false, true, -1), "triplets of this second");
        assert_eq!(note(700, None), (false, false, 8 * HOUR));
        assert_eq!(note(790, None), (false, false, 8 * HOUR), "not at once again");
        assert_eq!(note(801, pass(9, 60, 1)), (false, true, 30), "another burst");
        assert_eq!(note(700, pass(9, 29, 1)), (false, false, 8 * HOUR));
        assert_eq!(note(801, None), (false, true, 8 * HOUR));
        assert_eq!(note(700, None), (false, false, 8 * HOUR));
        assert_eq!(note(700, pass(9, 29, 1)), (false, false, 8 * HOUR), "a pass without excess");
        assert_eq!(note(801, pass(9, 60, 1)), (true, true, 30), "reported again");
    }

    #[test]
    fn waiting_triplets_stay_if_accepted_mail_alone_exceeds_the_limit() {
        let mut limit = SizeLimit::new(1);
        let mut note = |waiting, others| {
            let excess = limit.note(Some(2), pass(waiting, HOUR, others));
            (excess, limit.is_urgent(), limit.retry_window(HOUR))
        };
        assert_eq!(note(0, 90), (Some(Excess::Accepted), false, HOUR));
        assert_eq!(note(10, 90), (None, false, HOUR), "reported once");
        assert_eq!(note(20, 80), (Some(Excess::Waiting), true, HOUR / 2));
        assert_eq!(note(10, 90), (None, false, HOUR), "each kind once");
    }

    #[test]
    fn without_a_limit_or_a_known_size_nothing_changes() {
        for (limit, used) in [(0, Some(u64::MAX)), (1, None)] {
            let mut limit = SizeLimit::new(limit);
            assert_eq!(limit.note(used, pass(1, HOUR, 0)), None);
            assert_eq!(limit.retry_window(HOUR), HOUR);
        }
    }
}
