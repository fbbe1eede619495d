//! What becomes of two rows about the same triplet or client.
//!
//! The result does not depend on the order, and a row merged once more changes
//! nothing: whoever is not sure whether an import came to its end repeats it.

use super::Entry;
use crate::store::{Error, Passes, Seen, Transaction, Urgency};

/// What an entry did to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// There was no such row.
    Added,
    /// The row there was knew less.
    Changed,
    /// The row there was says it all.
    Nothing,
}

impl Entry {
    /// Merges the entry into the database.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn merge_into(&self, database: &mut impl Transaction) -> Result<Effect, Error> {
        match self {
            Entry::Triplet(key, seen) => {
                let known = database.triplet(key)?;
                let (seen, effect) = outcome(known, *seen, Seen::merged);
                if effect != Effect::Nothing {
                    database.put_triplet(key, seen, Urgency::BeforeReply)?;
                }
                Ok(effect)
            }
            Entry::Client(key, passes) => {
                let known = database.client(key)?;
                let (passes, effect) = outcome(known, *passes, Passes::merged);
                if effect != Effect::Nothing {
                    database.put_client(key, passes)?;
                }
                Ok(effect)
            }
        }
    }
}

fn outcome<T: Copy + PartialEq>(
    known: Option<T>,
    news: T,
    merge: impl Fn(T, T) -> T,
) -> (T, Effect) {
    let Some(known) = known else {
        return (news, Effect::Added);
    };
    let merged = merge(known, news);
    (merged, if merged == known { Effect::Nothing } else { Effect::Changed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(first: i64, last: i64) -> Seen {
        Seen { first, last }
    }

    #[test]
    fn the_later_last_time_wins_and_whoever_passed_has_passed() {
        let table = [
            // Known for long, and just met for the first time elsewhere.
            (seen(100, 10_000), seen(20_000, 20_000), seen(10_100, 20_000)),
            // An old wait that came to nothing does not let a new one pass.
            (seen(100, 110), seen(20_000, 20_000), seen(19_990, 20_000)),
            (seen(100, 500), seen(100, 700), seen(100, 700)),
            (seen(100, 500), seen(100, 500), seen(100, 500)),
            (seen(i64::MIN, i64::MAX), seen(0, 0), seen(0, i64::MAX)),
        ];
        for (one, other, merged) in table {
            assert_eq!(Seen::merged(one, other), merged, "{one:?} {other:?}");
            assert_eq!(Seen::merged(other, one), merged, "{other:?} {one:?}");
            assert_eq!(Seen::merged(merged, one), merged, "{one:?} once more");
            assert_eq!(Seen::merged(merged, other), merged, "{other:?} once more");
        }
    }

    #[test]
    fn the_larger_count_and_the_later_time_of_a_client_win() {
        let (one, other) = (Passes { count: 3, last: 500 }, Passes { count: 7, last: 100 });
        assert_eq!(Passes::merged(one, other), Passes { count: 7, last: 500 });
        assert_eq!(Passes::merged(other, one), Passes { count: 7, last: 500 });
    }
}
