//! The changes that a task makes to records, given the values read. No I/O.

use super::names::name;
use super::script::Change;
use crate::greylist::edit::{Edit, Effect};
use crate::greylist::{Lookup, Notice, Policy, Record, Records, Urgency, judge};
use crate::state::Done;
use std::collections::HashMap;

/// A first attempt that is at most this many seconds in the future was made on a host
/// whose clock is ahead. It counts as now, without a warning.
const MAX_CLOCK_SKEW: i64 = 30;

/// The longest lifetime of a record, in seconds: servers refuse what overflows.
const MAX_LIFETIME: i64 = i32::MAX as i64;

/// The values of records by their names, as the server has them, or will have them
/// once the changes of this batch are made. An absent record is empty.
pub type Values = HashMap<Vec<u8>, Vec<u8>>;

/// Something that reads some records of one slot and changes them.
#[derive(Clone, Debug)]
pub struct Item {
    work: Work,
    pub names: Vec<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Work {
    Decide(Lookup),
    Edit(Edit, i64),
}

/// The result of an item, and the changes that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    pub done: Done,
    /// The changes of the records, in the order of [`Item::names`].
    pub changes: Vec<Change>,
    /// True if the result depends on the changes being made.
    pub is_urgent: bool,
}

impl Item {
    /// The decision of an attempt.
    pub fn decide(policy: &Policy, lookup: Lookup) -> Item {
        let names = lookup.slots().map(|slot| {
            let (table, key) = lookup.key(slot);
            name(policy, table, key)
        });
        Item { names: names.collect(), work: Work::Decide(lookup) }
    }

    /// An administrator's change, at a time in seconds since the epoch.
    pub fn edit(policy: &Policy, edit: Edit, now: i64) -> Item {
        let names = vec![name(policy, edit.table, &edit.key)];
        Item { names, work: Work::Edit(edit, now) }
    }

    /// The result for these values.
    pub fn evaluate(&self, policy: &Policy, values: &Values) -> Evaluation {
        let value = |name: &Vec<u8>| values.get(name).map(Vec::as_slice).unwrap_or_default();
        match &self.work {
            Work::Decide(lookup) => decide(policy, lookup, self.names.iter().map(value)),
            Work::Edit(edit, now) => {
                let known = self.names.first().map(value).unwrap_or_default();
                let known = Record::parse(edit.table, known);
                let change = match edit.effect(policy, known, *now) {
                    Effect::Nothing => Change::None,
                    Effect::Delete => Change::Delete,
                    Effect::Put(record) => set(policy, record, *now),
                };
                let is_changed = change != Change::None;
                Evaluation {
                    done: Done::Edited(usize::from(is_changed)),
                    changes: vec![change],
                    is_urgent: is_changed,
                }
            }
        }
    }
}

fn decide<'v>(
    policy: &Policy,
    lookup: &Lookup,
    values: impl Iterator<Item = &'v [u8]>,
) -> Evaluation {
    let mut records = Records::default();
    for (slot, value) in lookup.slots().zip(values) {
        records.set(slot, Record::parse(lookup.key(slot).0, value));
    }
    let mut decision = judge(policy, lookup, &records);
    let is_skew =
        records.triplet.is_some_and(|it| it.first.saturating_sub(lookup.now) <= MAX_CLOCK_SKEW);
    if is_skew {
        decision.notices.retain(|notice| *notice != Notice::FirstSeenInFuture);
    }
    let changes = lookup.slots().map(|slot| {
        let write = decision.writes.iter().find(|write| write.slot == slot);
        write.map_or(Change::None, |write| set(policy, write.after, lookup.now))
    });
    let changes = changes.collect();
    let is_urgent = decision.writes.iter().any(|it| it.urgency == Urgency::BeforeReply);
    Evaluation { done: Done::Decided(decision), changes, is_urgent }
}

/// Sets a record, which lives until it would be too old for the local state as well.
fn set(policy: &Policy, record: Record, now: i64) -> Change {
    let (last, has_passed) = match record {
        Record::Triplet(record) => {
            (record.last, record.last.saturating_sub(record.first) >= policy.delay)
        }
        Record::Client(record) => (record.last, true),
    };
    let limit = if has_passed { policy.max_age } else { policy.retry_window.min(policy.max_age) };
    // To the last second of its age.
    let seconds = last.saturating_sub(now).saturating_add(limit).saturating_add(1);
    Change::Set(record.text().into_bytes(), seconds.clamp(1, MAX_LIFETIME))
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
