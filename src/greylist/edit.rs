//! Changes of records by the administrator, made by the daemon or by a tool.

use super::Policy;
use super::record::{ClientRecord, Record, Table, TripletRecord};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub table: Table,
    pub key: Vec<u8>,
    pub change: Change,
}

/// The effect of an edit on a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Forget,
    Allow,
    /// Merge it with a record from another database: the later and larger numbers
    /// count.
    Merge(Record),
    /// Replace it, as a copy is restored.
    Put(Record),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Nothing,
    Put(Record),
    Delete,
}

impl Edit {
    /// The merge of a record from another database into the entry of a key.
    pub fn merge(key: &[u8], record: Record) -> Edit {
        Edit { table: record.table(), key: key.to_vec(), change: Change::Merge(record) }
    }

    /// The effect on a record at `now`, in seconds since the epoch.
    pub fn effect(&self, policy: &Policy, known: Option<Record>, now: i64) -> Effect {
        let new = match &self.change {
            Change::Forget => return known.map_or(Effect::Nothing, |_| Effect::Delete),
            Change::Merge(other) => Some(known.map_or(*other, |known| known.merged(*other))),
            Change::Put(other) => Some(*other),
            Change::Allow => allowed(policy, self.table, known, now),
        };
        new.filter(|new| known != Some(*new)).map_or(Effect::Nothing, Effect::Put)
    }
}

/// The record of an entry that passes: a triplet whose delay is over and that was
/// seen just now, a client with enough passes. `None` for a client without an
/// auto-whitelist.
fn allowed(policy: &Policy, table: Table, known: Option<Record>, now: i64) -> Option<Record> {
    match table {
        Table::Triplets => {
            let passing_first = now.saturating_sub(policy.delay.max(0));
            let known = known.and_then(Record::triplet);
            let first = known.map_or(passing_first, |record| record.first.min(passing_first));
            Some(Record::Triplet(TripletRecord { first, last: now }))
        }
        Table::Clients => {
            let enough = policy.auto_whitelist?;
            let known = known.and_then(Record::client);
            let count = known.map_or(enough, |record| record.count.max(enough));
            Some(Record::Client(ClientRecord { count, last: now }))
        }
    }
}
