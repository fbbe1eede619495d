//! How often the mail that waits has been tried.

use super::verdict::{Verdict, Wait};
use super::{Client, Policy, triplet};
use crate::request::Request;
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
    /// Counts an attempt that was decided so at `now`, in seconds since the
    /// epoch. Gives how many there have been,
    /// this one included, if the triplet waits or has just ceased to.
    pub fn count(
        &mut self,
        policy: &Policy,
        request: &Request<'_>,
        verdict: Verdict,
        now: i64,
    ) -> Option<u32> {
        let is_over = match verdict {
            Verdict::Greylisted { .. } => false,
            Verdict::Passed { first_time: true, .. } => true,
            _ => return None,
        };
        let client = Client { address: request.address()?, name: request.client_name };
        let key = triplet::key(policy, client, request.sender, request.recipient);
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

    fn count(attempts: &mut Attempts, address: &str, verdict: Verdict) -> Option<u32> {
        count_at(1_000, attempts, address, verdict)
    }

    fn count_at(now: i64, attempts: &mut Attempts, address: &str, verdict: Verdict) -> Option<u32> {
        let request = Request {
            client_address: address.as_bytes(),
            sender: b"a@b.example",
            recipient: b"c@d.example",
            ..Request::default()
        };
        attempts.count(&Policy::default(), &request, verdict, now)
    }

    #[test]
    fn attempts_are_counted_until_the_mail_passes() {
        let mut attempts = Attempts::default();
        assert_eq!(count(&mut attempts, "192.0.2.1", NEW), Some(1));
        assert_eq!(count(&mut attempts, "192.0.2.1", EARLY), Some(2));
        assert_eq!(count(&mut attempts, "192.0.2.77", EARLY), Some(3), "the same network");
        assert_eq!(count(&mut attempts, "192.0.2.1", PASSED), Some(4));
        assert_eq!(count(&mut attempts, "192.0.2.1", KNOWN), None);
    }

    #[test]
    fn a_triplet_that_begins_anew_is_counted_anew() {
        let mut attempts = Attempts::default();
        count(&mut attempts, "192.0.2.1", NEW);
        count(&mut attempts, "192.0.2.1", EARLY);
        assert_eq!(count_at(900_000, &mut attempts, "192.0.2.1", NEW), Some(1));
        assert_eq!(count(&mut attempts, "192.0.2.1", PASSED), Some(2));
    }

    #[test]
    fn attempts_within_a_second_are_counted_too() {
        let mut attempts = Attempts::default();
        count(&mut attempts, "192.0.2.1", NEW);
        assert_eq!(count(&mut attempts, "192.0.2.1", NEW), Some(2));
        assert_eq!(count(&mut attempts, "192.0.2.1", PASSED), Some(3));
    }

    #[test]
    fn of_a_triplet_from_before_the_start_no_number_is_known() {
        let mut attempts = Attempts::default();
        assert_eq!(count(&mut attempts, "192.0.2.1", EARLY), None);
        assert_eq!(count(&mut attempts, "192.0.2.1", PASSED), None);
    }

    #[test]
    fn only_so_many_are_remembered_and_the_latest_of_them() {
        let mut attempts = Attempts::default();
        let address = |number: usize| format!("10.{}.{}.1", number / 256, number % 256);
        for number in 0..MOST {
            count(&mut attempts, &address(number), NEW);
        }
        count_at(900_000, &mut attempts, &address(0), NEW);
        count(&mut attempts, "192.0.2.1", NEW);
        assert!(attempts.waiting.len() <= MOST && attempts.order.len() == MOST);
        assert_eq!(count(&mut attempts, &address(1), EARLY), None, "the oldest went");
        assert_eq!(count(&mut attempts, &address(0), EARLY), Some(2), "it began anew");
        assert_eq!(count(&mut attempts, &address(2), EARLY), Some(2));
    }
}
