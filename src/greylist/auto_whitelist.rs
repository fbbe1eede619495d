//! Clients that passed often enough are no longer greylisted (BEHAVIOUR E6).
//!
//! A client is counted at most once an hour, so that one mail to many
//! recipients does not whitelist it.

use crate::store::Passes;

/// Seconds between two counts.
const INTERVAL: i64 = 3600;

/// The row after mail of a client passed for the first time, or `None` if this
/// pass is too close to the last to count.
pub fn after_first_pass(row: Option<Passes>, now: i64) -> Option<Passes> {
    match row {
        None => Some(Passes { count: 1, last: now }),
        Some(row) => is_due(row, now).then(|| counted(row, now)),
    }
}

/// The row after mail of a client on the auto-whitelist passed, or `None` if
/// there is nothing to write. A last pass in the future is set right.
pub fn after_exempt_pass(row: Passes, now: i64) -> Option<Passes> {
    (is_due(row, now) || row.last > now).then(|| counted(row, now))
}

fn is_due(row: Passes, now: i64) -> bool {
    now >= row.last.saturating_add(INTERVAL)
}

fn counted(row: Passes, now: i64) -> Passes {
    Passes { count: row.count.saturating_add(1), last: now }
}
