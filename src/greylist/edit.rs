//! Changes that an administrator makes to entries. The daemon and the tools,
//! where there is no daemon, apply them by the same function.

use super::Policy;
use crate::state::{self, ClientRecord, Table, Transaction, TripletRecord, Urgency};

/// A change of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Where the entry is or shall be.
    pub table: Table,
    /// Its whole key.
    pub key: Vec<u8>,
    /// What is to become of it.
    pub change: Change,
}

/// What is to become of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is deleted.
    Forget,
    /// It passes from now on.
    Allow,
    /// It comes from another database: of two rows, the later and the larger
    /// numbers count.
    Merge(Vec<u8>),
}

/// Makes changes at `now`, in seconds since the epoch; gives how many of them
/// changed anything.
///
/// # Errors
/// When the database fails.
pub fn apply_all(
    policy: &Policy,
    edits: &[Edit],
    transaction: &mut dyn Transaction,
    now: i64,
) -> Result<usize, state::Error> {
    let mut changed = 0;
    for edit in edits {
        changed += usize::from(apply(policy, transaction, now, edit)?);
    }
    Ok(changed)
}

fn apply(
    policy: &Policy,
    transaction: &mut dyn Transaction,
    now: i64,
    Edit { table, key, change }: &Edit,
) -> Result<bool, state::Error> {
    match (table, change) {
        (_, Change::Forget) => transaction.remove(*table, key),
        (Table::Triplets, change) => {
            let known = transaction.triplet(key)?;
            let new = match change {
                Change::Merge(row) => {
                    merged(known, TripletRecord::parse(row), TripletRecord::merged)
                }
                _ => Some(allowed_triplet(policy, known, now)),
            };
            let Some(new) = new.filter(|new| known != Some(*new)) else {
                return Ok(false);
            };
            transaction.put_triplet(key, new, Urgency::BeforeReply).map(|()| true)
        }
        (Table::Clients, change) => {
            let known = transaction.client(key)?;
            let new = match change {
                Change::Merge(row) => merged(known, ClientRecord::parse(row), ClientRecord::merged),
                _ => allowed_client(policy, known, now),
            };
            let Some(new) = new.filter(|new| known != Some(*new)) else {
                return Ok(false);
            };
            transaction.put_client(key, new).map(|()| true)
        }
    }
}

fn merged<T>(known: Option<T>, other: Option<T>, merge: fn(T, T) -> T) -> Option<T> {
    match (known, other) {
        (Some(known), Some(other)) => Some(merge(known, other)),
        (None, other) => other,
        (_, None) => None,
    }
}

/// A triplet that has passed: its delay is over, and it was seen just now.
fn allowed_triplet(policy: &Policy, known: Option<TripletRecord>, now: i64) -> TripletRecord {
    let latest = now.saturating_sub(policy.delay.max(0));
    TripletRecord { first: known.map_or(latest, |seen| seen.first.min(latest)), last: now }
}

/// A client with as many passes as it takes; none without an auto-whitelist.
fn allowed_client(policy: &Policy, known: Option<ClientRecord>, now: i64) -> Option<ClientRecord> {
    let enough = policy.auto_whitelist?;
    Some(ClientRecord { count: known.map_or(enough, |row| row.count.max(enough)), last: now })
}
