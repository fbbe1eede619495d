//! The limit of the state's size (`--max-size`).
//!
//! Anybody can send mail with long addresses, and each first attempt is stored.
//! While the limit is exceeded, the retry window is halved with each expiry pass, so
//! that the oldest triplets that have not passed go first. Accepted mail is never
//! forgotten sooner.

/// Halvings after which the retry window is below a second, so that more passes
/// delete no more.
const MAX_HALVINGS: u32 = 20;

/// The limit, and how far the retry window is reduced because of it.
#[derive(Debug)]
pub struct SizeLimit {
    /// In bytes; zero for none.
    limit: u64,
    halvings: u32,
    is_exceeded: bool,
    is_reported: bool,
}

impl SizeLimit {
    /// A limit in bytes; there is none with zero.
    pub fn new(limit: u64) -> SizeLimit {
        SizeLimit { limit, halvings: 0, is_exceeded: false, is_reported: false }
    }

    /// Returns true if there is a limit.
    pub fn is_set(&self) -> bool {
        self.limit > 0
    }

    /// The retry window in seconds that applies now.
    pub fn retry_window(&self, retry_window: i64) -> i64 {
        retry_window >> self.halvings
    }

    /// Returns true if the state was larger than the limit when it was last measured.
    pub fn is_exceeded(&self) -> bool {
        self.is_exceeded
    }

    /// Returns true if the next expiry slice should not wait for its turn.
    pub fn is_urgent(&self) -> bool {
        self.is_exceeded && self.halvings < MAX_HALVINGS
    }

    /// Takes the used bytes of the state. Returns true if the
    /// administrator should know.
    pub fn note(&mut self, used: Option<u64>, has_pass_ended: bool) -> bool {
        let Some(used) = used.filter(|_| self.limit > 0) else {
            return false;
        };
        self.is_exceeded = used > self.limit;
        if self.is_exceeded {
            if self.halvings == 0 || has_pass_ended {
                self.halvings = (self.halvings + 1).min(MAX_HALVINGS);
            }
            return !std::mem::replace(&mut self.is_reported, true);
        }
        // Not at once, or the next entries would exceed it again.
        if has_pass_ended && used <= self.limit - self.limit / 8 {
            self.is_reported &= self.halvings > 0;
            self.halvings = self.halvings.saturating_sub(1);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;

    #[test]
    fn retry_window_is_halved_with_each_pass_until_the_state_is_small_enough() {
        let mut limit = SizeLimit::new(800);
        assert!(!limit.note(Some(800), true));
        assert_eq!((limit.retry_window(8 * HOUR), limit.is_urgent()), (8 * HOUR, false));
        assert!(limit.note(Some(801), false), "the first time is reported");
        assert!(!limit.note(Some(900), false));
        assert_eq!((limit.retry_window(8 * HOUR), limit.is_urgent()), (4 * HOUR, true));
        assert!(!limit.note(Some(850), true));
        assert_eq!(limit.retry_window(8 * HOUR), 2 * HOUR);
        for (used, hours) in [(750, 2), (700, 4), (700, 8), (700, 8)] {
            assert!(!limit.note(Some(used), true));
            assert_eq!(limit.retry_window(8 * HOUR), hours * HOUR, "{used}");
            assert!(!limit.is_urgent(), "{used}");
        }
        assert!(limit.note(Some(900), false), "another time is reported again");
    }

    #[test]
    fn passes_that_cannot_help_are_not_hurried() {
        let mut limit = SizeLimit::new(1);
        for _ in 0..100 {
            limit.note(Some(2), true);
        }
        assert_eq!((limit.retry_window(2 * 86_400), limit.is_urgent()), (0, false));
    }

    #[test]
    fn without_a_limit_or_a_known_size_nothing_changes() {
        for (limit, used) in [(0, Some(u64::MAX)), (1, None)] {
            let mut limit = SizeLimit::new(limit);
            assert!(!limit.note(used, true));
            assert_eq!(limit.retry_window(HOUR), HOUR);
        }
    }
}
