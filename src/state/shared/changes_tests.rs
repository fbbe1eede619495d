//! Unit tests of the changes.

use super::*;
use crate::greylist::{Client, Reason, TripletRecord, Verdict, awl_keys, triplet};
use crate::greylist::{ClientRecord, edit};
use crate::state::Table;

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

fn lookup(policy: &Policy) -> Lookup {
    let client = Client { address: "192.0.2.7".parse().unwrap(), name: b"" };
    Lookup {
        triplet: triplet::key(policy, client, b"a@b.test", b"c@d.test"),
        clients: awl_keys(policy, client, b"a@b.test"),
        recipient_delay: policy.delay,
        now: NOW,
    }
}

fn evaluated(values: [&str; 2]) -> Evaluation {
    let policy = Policy::default();
    let item = Item::decide(&policy, lookup(&policy));
    let values = values.map(|value| value.as_bytes().to_vec());
    item.evaluate(&policy, &item.names.iter().cloned().zip(values).collect())
}

fn set(text: impl Into<String>, seconds: i64) -> Change {
    Change::Set(text.into().into_bytes(), seconds)
}

fn verdict(evaluation: &Evaluation) -> Verdict {
    match &evaluation.done {
        Done::Decided(decision) => decision.verdict,
        other => panic!("{other:?} is not a decision"),
    }
}

#[test]
fn records_live_as_long_as_in_the_local_state() {
    let first = evaluated(["", ""]);
    assert_eq!(first.changes, [set(format!("{NOW},{NOW}"), 2 * DAY + 1), Change::None]);
    assert!(first.is_urgent);

    let early = evaluated([&format!("{},{}", NOW - 100, NOW - 100), ""]);
    assert_eq!(early.changes[0], set(format!("{},{NOW}", NOW - 100), 2 * DAY + 1));
    assert!(!early.is_urgent);

    let passes = evaluated([&format!("{},{}", NOW - 300, NOW - 10), "4,5"]);
    let counted = set(format!("5,{NOW}"), 35 * DAY + 1);
    assert_eq!(passes.changes, [set(format!("{},{NOW}", NOW - 300), 35 * DAY + 1), counted]);
    assert!(passes.is_urgent);

    let known = evaluated([&format!("{},{}", NOW - 900, NOW - 300), "1,5"]);
    assert_eq!(known.changes[0], set(format!("{},{NOW}", NOW - 900), 35 * DAY + 1));
    assert!(!known.is_urgent);
}

#[test]
fn a_first_attempt_on_a_host_whose_clock_is_ahead_counts_as_now() {
    let new = Verdict { reason: Reason::New, seconds: 300 };
    let distant = i64::MAX - NOW;
    for (ahead, notices) in
        [(1, 0), (MAX_CLOCK_SKEW, 0), (MAX_CLOCK_SKEW + 1, 1), (distant, 1), (i64::MIN, 0)]
    {
        let first = NOW.saturating_add(ahead);
        let evaluation = evaluated([&format!("{first},{first}"), ""]);
        assert_eq!(verdict(&evaluation), new);
        assert_eq!(evaluation.changes[0], set(format!("{NOW},{NOW}"), 2 * DAY + 1));
        let Done::Decided(decision) = evaluation.done else { panic!("not a decision") };
        assert_eq!(decision.notices.len(), notices, "{ahead}");
    }
}

#[test]
fn edits_set_and_delete_records() {
    let policy = Policy::default();
    let record = |first, last| Record::Triplet(TripletRecord { first, last });
    let client = |count, last| Record::Client(ClientRecord { count, last });
    let merge = edit::Change::Merge;
    let table = [
        (Table::Triplets, edit::Change::Forget, "", Change::None),
        (Table::Triplets, edit::Change::Forget, "1,2", Change::Delete),
        (Table::Clients, merge(client(3, NOW)), "5,7", set(format!("5,{NOW}"), 35 * DAY + 1)),
        (Table::Clients, merge(client(3, 5)), "5,7", Change::None),
        (Table::Triplets, merge(record(5, 5)), "", set("5,5", 1)),
        (
            Table::Triplets,
            merge(record(NOW - 50, NOW - 10)),
            "",
            set(format!("{},{}", NOW - 50, NOW - 10), 2 * DAY - 9),
        ),
        (
            Table::Triplets,
            merge(record(NOW, i64::MAX)),
            "",
            set(format!("{NOW},{}", i64::MAX), MAX_LIFETIME),
        ),
    ];
    for (table, change, value, expected) in table {
        let item = Item::edit(&policy, Edit { table, key: b"k".to_vec(), change }, NOW);
        let values = [(item.names[0].clone(), value.as_bytes().to_vec())].into();
        let is_changed = expected != Change::None;
        let evaluation = item.evaluate(&policy, &values);
        assert_eq!(evaluation.done, Done::Edited(usize::from(is_changed)), "{value}");
        assert_eq!(evaluation.changes, [expected], "{value}");
    }
}
