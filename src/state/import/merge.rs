//! Merging of two records of the same triplet or client.
//!
//! The result does not depend on the order, and merging a record again changes
//! nothing: an import of uncertain outcome can be repeated.

use super::{ImportEntry, Problem};
use crate::greylist::Policy;
use crate::state::local::Store;

/// The destination of an import: a database of this process, or a daemon with
/// one.
pub trait Destination {
    /// Merges entries of one table; returns the number of those that changed a
    /// record.
    fn merge(&mut self, entries: &[ImportEntry]) -> Result<usize, Problem>;
}

impl Destination for Store {
    fn merge(&mut self, entries: &[ImportEntry]) -> Result<usize, Problem> {
        let edits = entries.iter().map(ImportEntry::edit).collect();
        // Merging does not depend on the policy or the time.
        Ok(self.edit(&Policy::default(), edits, 0)?)
    }
}

#[cfg(test)]
mod tests {
    use crate::greylist::{ClientRecord, TripletRecord};

    fn seen(first: i64, last: i64) -> TripletRecord {
        TripletRecord { first, last }
    }

    #[test]
    fn merging_keeps_the_later_time_and_whether_it_passed() {
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
            assert_eq!(TripletRecord::merged(one, other), merged, "{one:?} {other:?}");
            assert_eq!(TripletRecord::merged(other, one), merged, "{other:?} {one:?}");
            assert_eq!(TripletRecord::merged(merged, one), merged, "{one:?} once more");
            assert_eq!(TripletRecord::merged(merged, other), merged, "{other:?} once more");
        }
    }

    #[test]
    fn the_larger_count_and_the_later_time_of_a_client_win() {
        let (one, other) =
            (ClientRecord { count: 3, last: 500 }, ClientRecord { count: 7, last: 100 });
        assert_eq!(ClientRecord::merged(one, other), ClientRecord { count: 7, last: 500 });
        assert_eq!(ClientRecord::merged(other, one), ClientRecord { count: 7, last: 500 });
    }
}
