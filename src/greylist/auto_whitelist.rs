//! Clients that passed often enough are no longer greylisted (BEHAVIOUR E6).
//!
//! A client is counted at most once an hour, so that one mail to many
//! recipients does not whitelist it.
//!
//! Servers of a pool connect too seldom for that. With
//! `--auto-whitelist-by=domain` the passes of all clients of a domain are counted
//! as well, separately for each sender domain: the passes of one customer of a
//! provider do not exempt the mail of another customer, nor mail with a forged
//! sender. Passes of single addresses are still counted, so that the option never
//! delays mail that would pass without it.

use super::Policy;
use super::lookup::{Decision, Lookup, Records, Slot, Urgency, Write};
use super::record::{ClientRecord, Record};
use super::verdict::{Notice, Reason};

/// Seconds between two counts.
const COUNT_INTERVAL: i64 = 3600;

/// The decision on an attempt whose client is on the auto-whitelist, or `None`
/// if it is not. Each record that exempts it counts the attempt.
pub(super) fn exempt(policy: &Policy, lookup: &Lookup, records: &Records) -> Option<Decision> {
    let enough = policy.auto_whitelist?;
    let mut decision = None;
    for (slot, _, record) in lookup.clients_with(records) {
        let Some(record) = record.filter(|record| record.count >= enough) else {
            continue;
        };
        let exempt = || Decision::new(Reason::AutoWhitelist.into());
        let decision = decision.get_or_insert_with(exempt);
        let after = after_exempt_pass(record, lookup.now);
        decision.writes.extend(after.map(|after| write(slot, Some(record), after)));
    }
    decision
}

/// Counts the first pass of a triplet in a decision.
pub(super) fn count_first_pass(
    policy: &Policy,
    lookup: &Lookup,
    records: &Records,
    decision: &mut Decision,
) {
    let Some(enough) = policy.auto_whitelist else {
        return;
    };
    for (slot, key, record) in lookup.clients_with(records) {
        let Some(after) = after_first_pass(record, lookup.now) else {
            continue;
        };
        decision.writes.push(write(slot, record, after));
        if after.count == enough {
            decision.notices.push(Notice::AutoWhitelisted(key.subject.clone()));
        }
    }
}

fn write(slot: Slot, before: Option<ClientRecord>, after: ClientRecord) -> Write {
    let (before, after) = (before.map(Record::Client), Record::Client(after));
    Write { slot, before, after, urgency: Urgency::BeforeReply }
}

/// The record after the first pass of a triplet, or `None` if the last count is
/// too recent.
fn after_first_pass(record: Option<ClientRecord>, now: i64) -> Option<ClientRecord> {
    match record {
        None => Some(ClientRecord { count: 1, last: now }),
        Some(record) => is_due(record, now).then(|| counted(record, now)),
    }
}

/// The record after mail of an exempt client passed, or `None` if nothing
/// changes. A last pass in the future is corrected.
fn after_exempt_pass(record: ClientRecord, now: i64) -> Option<ClientRecord> {
    (is_due(record, now) || record.last > now).then(|| counted(record, now))
}

fn is_due(record: ClientRecord, now: i64) -> bool {
    now >= record.last.saturating_add(COUNT_INTERVAL)
}

fn counted(record: ClientRecord, now: i64) -> ClientRecord {
    ClientRecord { count: record.count.saturating_add(1), last: now }
}

#[cfg(test)]
#[path = "auto_whitelist_tests.rs"]
mod tests;
