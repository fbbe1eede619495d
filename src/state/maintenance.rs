//! Expiry of records.
//!
//! The rules are the original's (BEHAVIOUR G), including its odd rows: a value
//! that is not a number counts as zero, which is very old. A record in the future
//! is kept, but its times are corrected: otherwise it would never expire, and a
//! triplet would never pass.

use crate::greylist::{ClientRecord, Record, Table, TripletRecord, numbers};
use std::time::Duration;

/// The seconds by which a record may be ahead of the clock. Clocks of hosts that
/// share records differ by less, and a clock set back by an hour does not cause
/// writes.
const MAX_AHEAD: i64 = 86_400;

/// After how many seconds entries are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Any entry, after it was last seen (`--max-age`).
    pub max_age: i64,
    /// A triplet that has not passed yet, after it was last seen
    /// (`--retry-window`).
    pub retry_window: i64,
    /// A triplet that was seen over a shorter time has not passed (`--delay`).
    pub delay: i64,
    /// True if clients are looked at: not without an auto-whitelist.
    pub clients: bool,
}

impl Lifetimes {
    pub(super) fn concern(&self, table: Table) -> bool {
        table == Table::Triplets || self.clients
    }

    /// The age class of a record at `now`, in seconds since the epoch.
    pub(super) fn age(&self, table: Table, row: &[u8], now: i64) -> Age {
        let (first, last) = numbers(row);
        let Some(last) = last.or((table == Table::Clients).then_some(0)) else {
            return Age::Over;
        };
        let age = now.saturating_sub(last);
        let has_passed = table == Table::Clients || last.saturating_sub(first) >= self.delay;
        if age > self.max_age || !has_passed && age > self.retry_window {
            Age::Over
        } else if has_passed {
            Age::Passed
        } else {
            Age::Waiting(age)
        }
    }
}

/// Returns the record of a row with its times set to `now` where they are too far ahead
/// of it; `None` if none is.
pub(super) fn corrected(table: Table, row: &[u8], now: i64) -> Option<Record> {
    let limit = now.saturating_add(MAX_AHEAD);
    match Record::parse(table, row)? {
        Record::Triplet(TripletRecord { first, last }) if first.max(last) > limit => {
            Some(Record::Triplet(TripletRecord { first: first.min(now), last: last.min(now) }))
        }
        Record::Client(ClientRecord { count, last }) if last > limit => {
            Some(Record::Client(ClientRecord { count, last: now }))
        }
        _ => None,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// It is a triplet that has not passed yet, last seen this many seconds ago.
    Waiting(i64),
    Passed,
    Over,
}

/// The result of one slice of an expiry pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpirySlice {
    pub rows: usize,
    pub of: usize,
    /// True if it ended because of the number of expired records, or waits until these, or
    /// the records before the pass, are in the database.
    pub is_full: bool,
    /// The time that it takes to delete many.
    pub cost: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableExpiry {
    pub before: u64,
    pub deleted: u64,
}

impl TableExpiry {
    /// The number of records that are left.
    pub fn kept(&self) -> u64 {
        self.before.saturating_sub(self.deleted)
    }
}

/// The result of a whole expiry pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpiryPass {
    pub triplets: TableExpiry,
    pub clients: TableExpiry,
    /// Triplets among those kept that have not passed yet.
    pub waiting: u64,
    /// The age in seconds of the oldest of these.
    pub oldest_waiting: Option<i64>,
    /// Rows whose times were too far in the future.
    pub corrected: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Lifetimes {
        fn are_over(&self, table: Table, row: &[u8], now: i64) -> bool {
            self.age(table, row, now) == Age::Over
        }
    }

    #[test]
    fn a_triplet_that_was_seen_for_less_than_the_delay_waits() {
        for (first, age) in [(0, Age::Waiting(0)), (299, Age::Waiting(0)), (300, Age::Passed)] {
            let row = format!("{},{NOW}", NOW - first);
            assert_eq!(LIFETIMES.age(Table::Triplets, row.as_bytes(), NOW), age, "{first}");
        }
        let row = format!("1,{NOW}");
        assert_eq!(LIFETIMES.age(Table::Clients, row.as_bytes(), NOW), Age::Passed);
    }

    const NOW: i64 = 1_800_000_000;
    const DAY: i64 = 86_400;

    const LIFETIMES: Lifetimes =
        Lifetimes { max_age: 35 * DAY, retry_window: 2 * DAY, delay: 300, clients: true };

    fn check(table: Table, rows: &[(String, bool)]) {
        for (row, is_old) in rows {
            assert_eq!(LIFETIMES.are_over(table, row.as_bytes(), NOW), *is_old, "{row}");
        }
    }

    #[test]
    fn a_triplet_that_passed_is_kept_to_the_last_second_of_the_longest_age() {
        let seen = |first: i64, last: i64| format!("{},{}", NOW - first, NOW - last);
        check(
            Table::Triplets,
            &[
                (seen(35 * DAY + 300, 35 * DAY), false),
                (seen(35 * DAY + 301, 35 * DAY + 1), true),
                (seen(900 * DAY, 35 * DAY), false),
                (seen(900 * DAY, 35 * DAY + 1), true),
                (seen(300, 0), false),
            ],
        );
    }

    #[test]
    fn a_triplet_that_never_passed_is_kept_to_the_last_second_of_the_retry_window() {
        let seen = |first: i64, last: i64| format!("{},{}", NOW - first, NOW - last);
        check(
            Table::Triplets,
            &[
                (seen(2 * DAY, 2 * DAY), false),
                (seen(2 * DAY + 1, 2 * DAY + 1), true),
                (seen(2 * DAY + 299, 2 * DAY), false),
                (seen(2 * DAY + 300, 2 * DAY + 1), true),
                (seen(2 * DAY + 301, 2 * DAY + 1), false),
                // The clock went back between the two attempts.
                (seen(2 * DAY, 3 * DAY), true),
            ],
        );
    }

    #[test]
    fn a_client_is_kept_to_the_last_second_of_max_age() {
        check(
            Table::Clients,
            &[
                (format!("1,{}", NOW - 35 * DAY), false),
                (format!("1,{}", NOW - 35 * DAY - 1), true),
                (format!("1000,{}", NOW - 35 * DAY - 1), true),
                (format!("0,{NOW}"), false),
            ],
        );
    }

    #[test]
    fn records_in_the_future_are_kept() {
        let row = format!("{},{}", NOW + DAY, NOW + DAY);
        check(Table::Triplets, &[(row.clone(), false)]);
        check(Table::Clients, &[(row, false)]);
    }

    #[test]
    fn rows_without_a_proper_time_go() {
        let rows = ["", ",", "1", "abc", "abc,", "abc,def", "1,", "1,,", "1,x"];
        let going = rows.map(|row| (row.to_owned(), true));
        check(Table::Triplets, &going);
        check(Table::Clients, &going);
        let times = format!("{},{NOW}", NOW - 300);
        check(
            Table::Triplets,
            &[(NOW.to_string(), true), (format!("{NOW},"), true), (format!("{times},4"), false)],
        );
        // Without a first time it counts as seen since 1970.
        check(Table::Triplets, &[(format!(",{NOW}"), false), (format!("abc,{NOW}"), false)]);
        check(Table::Clients, &[(format!(",{NOW}"), false), (format!("abc,{NOW}"), false)]);
    }

    #[test]
    fn an_age_below_zero_is_over_before_it_begins() {
        let lifetimes = Lifetimes { max_age: -DAY, ..LIFETIMES };
        let table = [(0, true), (DAY - 1, true), (DAY, false)];
        for (ahead, is_old) in table {
            let row = format!("{},{}", NOW, NOW + ahead);
            assert_eq!(lifetimes.are_over(Table::Clients, row.as_bytes(), NOW), is_old, "{ahead}");
        }
    }
}
