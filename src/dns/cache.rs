//! A cache of answers.

use super::message::{Answer, Question};
use std::collections::HashMap;
use std::mem;
use std::time::{Duration, Instant};

/// Answers in one half of the cache.
const MAX_ANSWERS: usize = 4096;

/// The longest time for which an answer is kept.
const MAX_TTL: Duration = Duration::from_secs(3600);

/// A bounded cache. When the newer half is full, it replaces the older one.
#[derive(Default)]
pub struct Cache {
    newer: Answers,
    older: Answers,
}

type Answers = HashMap<Question, (Answer, Instant)>;

impl Cache {
    /// The answer to a question, while its TTL lasts.
    pub fn get(&self, question: &Question, now: Instant) -> Option<&Answer> {
        let (answer, expires) = self.newer.get(question).or_else(|| self.older.get(question))?;
        (now < *expires).then_some(answer)
    }

    pub fn insert(&mut self, question: Question, answer: Answer, now: Instant) {
        if self.newer.len() >= MAX_ANSWERS {
            self.older = mem::take(&mut self.newer);
        }
        let expires = now + answer.ttl.min(MAX_TTL);
        self.newer.insert(question, (answer, expires));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Kind;

    fn question(number: usize) -> Question {
        Question { name: format!("{number}.test"), kind: Kind::A }
    }

    fn answer(seconds: u64) -> Answer {
        Answer { ttl: Duration::from_secs(seconds), ..Answer::default() }
    }

    #[test]
    fn answers_expire() {
        let mut cache = Cache::default();
        let now = Instant::now();
        cache.insert(question(1), answer(10), now);
        cache.insert(question(2), answer(1 << 40), now);
        cache.insert(question(3), answer(0), now);
        let keeps = |number, seconds| {
            cache.get(&question(number), now + Duration::from_secs(seconds)).is_some()
        };
        assert!(keeps(1, 9) && !keeps(1, 10));
        assert!(keeps(2, 3599) && !keeps(2, 3600));
        assert!(!keeps(3, 0));
    }

    #[test]
    fn number_of_answers_is_bounded() {
        let mut cache = Cache::default();
        let now = Instant::now();
        for number in 0..5 * MAX_ANSWERS {
            cache.insert(question(number), answer(600), now);
            assert!(cache.newer.len() + cache.older.len() <= 2 * MAX_ANSWERS);
        }
        assert!(cache.get(&question(5 * MAX_ANSWERS - MAX_ANSWERS), now).is_some());
        assert!(cache.get(&question(0), now).is_none());
    }
}
