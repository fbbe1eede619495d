//! How often the mail that waits has been tried.

use super::verdict::{Verdict, Wait};
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;

/// Triplets that are remembered: some weeks of most sites' mail, in five
/// megabytes.
const MOST: usize = 65_536;

/// Counts the attempts of triplets from the first until they pass. It is a
/// memory of this process: of a triplet that it did not see from its first
/// attempt on, it knows no number.
#[derive(Debug, Default)]
pub struct Attempts {
    /// By hash: what meets by chance in 64 bits costs a wrong number in the log.
    waiting: HashMap<u64, Count>,
    /// In the order of their first attempts, with those that are gone since.
    order: VecDeque<(u64, u64)>,
    hasher: RandomState,
    begun: u64,
}

#[derive(Debug)]
struct Count {
    attempts: u32,
    /// Which of all the triplets that ever began it is.
    number: u64,
    /// When the first attempt was, in seconds since the epoch.
    since: i64,
}

impl Attempts {
    /// Counts an attempt of the triplet with a key that was decided so at `now`,
    /// in seconds since the epoch. Gives how many there have been, this one
    /// included, if the triplet waits or has just ceased to.
    pub fn count(&mut self, key: &[u8], verdict: Verdict, now: i64) -> Option<u32> {
        let is_over = match verdict {
            Verdict::Greylisted { .. } => false,
            Verdict::Passed { first_time: true, .. } => true,
            _ => return None,
        };
        let hash = self.hasher.hash_one(key);
        // An attempt in the second of the first one is new to the decision, too.
        let is_first = matches!(verdict, Verdict::Greylisted { reason: Wait::New, .. })
            && self.waiting.get(&hash).is_none_or(|count| count.since != now);
        if is_first {
            self.begin(hash, now);
            return Some(1);
        }
        let count = self.waiting.get_mut(&hash)?;
        count.attempts = count.attempts.saturating_add(1);
        let attempts = count.attempts;
        if is_over {
            self.waiting.remove(&hash);
        }
        Some(attempts)
    }

    /// Counts the first attempt, and forgets the oldest triplet if it is one
    /// too many.
    fn begin(&mut self, hash: u64, since: i64) {
        let number = self.begun;
        self.begun += 1;
        self.waiting.insert(hash, Count { attempts: 1, number, since });
        self.order.push_back((hash, number));
        let is_one_too_many = self.order.len() > MOST;
        if let Some((hash, number)) = is_one_too_many.then(|| self.order.pop_front()).flatten() {
            // It may have passed since, or have begun anew.
            if self.waiting.get(&hash).is_some_and(|count| count.number == number) {
                self.waiting.remove(&hash);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Verdict = Verdict::Greylisted { reason: Wait::New, missing: 300 };
    const EARLY: Verdict = Verdict::Greylisted { reason: Wait::EarlyRetry, missing: 200 };
    const PASSED: Verdict = Verdict::Passed { waited: 300, first_time: true };
    const KNOWN: Verdict = Verdict::Passed { waited: 900, first_time: false };

    const KEY: &[u8] = b"192.0.2.0/a@b.example/c@d.example";

    #[test]
    fn attempts_are_counted_until_the_mail_passes() {
        let mut attempts = Attempts::default();
        assert_eq!(attempts.count(KEY, NEW, 1_000), Some(1));
        assert_eq!(attempts.count(KEY, EARLY, 1_100), Some(2));
        assert_eq!(attempts.count(KEY, PASSED, 1_300), Some(3));
        assert_eq!(attempts.count(KEY, KNOWN, 1_900), None);
    }

    #[test]
    fn a_triplet_that_begins_anew_is_counted_anew() {
        let mut attempts = Attempts::default();
        attempts.count(KEY, NEW, 1_000);
        attempts.count(KEY, EARLY, 1_100);
        assert_eq!(attempts.count(KEY, NEW, 900_000), Some(1));
        assert_eq!(attempts.count(KEY, PASSED, 900_300), Some(2));
    }

    #[test]
    fn attempts_within_a_second_are_counted_too() {
        let mut attempts = Attempts::default();
        attempts.count(KEY, NEW, 1_000);
        assert_eq!(attempts.count(KEY, NEW, 1_000), Some(2));
        assert_eq!(attempts.count(KEY, PASSED, 1_300), Some(3));
    }

    #[test]
    fn of_a_triplet_from_before_the_start_no_number_is_known() {
        let mut attempts = Attempts::default();
        assert_eq!(attempts.count(KEY, EARLY, 1_100), None);
        assert_eq!(attempts.count(KEY, PASSED, 1_300), None);
    }

    #[test]
    fn only_so_many_are_remembered_and_the_latest_of_them() {
        let mut attempts = Attempts::default();
        let key = |number: usize| format!("10.{}.{}.0/a/b", number / 256, number % 256);
        for number in 0..MOST {
            attempts.count(key(number).as_bytes(), NEW, 1_000);
        }
        attempts.count(key(0).as_bytes(), NEW, 900_000);
        attempts.count(KEY, NEW, 1_000);
        assert!(attempts.waiting.len() <= MOST && attempts.order.len() == MOST);
        assert_eq!(attempts.count(key(1).as_bytes(), EARLY, 1_100), None, "the oldest went");
        assert_eq!(attempts.count(key(0).as_bytes(), EARLY, 900_100), Some(2), "it began anew");
        assert_eq!(attempts.count(key(2).as_bytes(), EARLY, 1_100), Some(2));
    }
}
