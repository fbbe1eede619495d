//! The rules of BEHAVIOUR E, on a store in memory.

use super::super::{AwlSubject, Plan, SECONDS_PER_DAY, plan};
use super::*;
use crate::greylist::{ClientRecord, Record, Table};
use crate::lists::{Budget, Lists};
use crate::request::Request;
use crate::state::memory::Memory;

const KEY: &[u8] = b"192.0.2.0/a@b.example/c@d.example";
const CLIENT: &[u8] = b"192.0.2.1";
const NEW: Verdict = Verdict { reason: Reason::New, seconds: 300 };
const FOUND: Verdict = Verdict { reason: Reason::TripletFound, seconds: 0 };

fn early(missing: i64) -> Verdict {
    Verdict { reason: Reason::EarlyRetry, seconds: missing }
}

fn first_pass(waited: i64) -> Verdict {
    Verdict { reason: Reason::FirstPass, seconds: waited }
}

struct Story {
    policy: Policy,
    memory: Memory,
    recipient: String,
    lists: Lists,
    notices: Vec<Notice>,
    urgency: Option<Urgency>,
}

impl Story {
    fn with(policy: Policy) -> Story {
        let recipient = "c@d.example".to_string();
        let lists = Lists::default();
        Story {
            policy,
            memory: Memory::default(),
            recipient,
            lists,
            notices: Vec::new(),
            urgency: None,
        }
    }

    fn new() -> Story {
        Story::with(Policy { auto_whitelist: None, ..Policy::default() })
    }

    fn remembering(mut self, first: i64, last: i64) -> Story {
        let record = Record::Triplet(TripletRecord { first, last });
        self.memory.records.insert((Table::Triplets, KEY.to_vec()), record);
        self
    }

    fn at(&mut self, now: i64) -> Verdict {
        let request = Request {
            client_address: CLIENT,
            client_name: b"mx.b.example",
            sender: b"a@b.example",
            recipient: self.recipient.as_bytes(),
            ..Request::default()
        };
        let plan = plan(&self.policy, &self.lists, &request, now, &mut Budget::default());
        let Plan::Lookup(lookup) = plan else {
            panic!("decided without a lookup");
        };
        let decision = self.memory.decide_now(&self.policy, &lookup);
        self.notices = decision.notices.to_vec();
        let of_triplet = decision.writes.iter().find(|write| write.slot == Slot::Triplet);
        self.urgency = of_triplet.map(|write| write.urgency);
        match decision.verdict {
            Verdict { reason: Reason::TripletFound, .. } => FOUND,
            verdict => verdict,
        }
    }

    fn row(&self) -> (i64, i64) {
        let record = self.memory.records[&(Table::Triplets, KEY.to_vec())].triplet().unwrap();
        (record.first, record.last)
    }

    fn urgency(&self) -> Urgency {
        self.urgency.expect("a write of the triplet")
    }

    fn count(&self) -> Option<(u64, i64)> {
        let record = self.memory.records.get(&(Table::Clients, CLIENT.to_vec()))?;
        record.client().map(|record| (record.count, record.last))
    }
}

#[test]
fn a_triplet_passes_when_the_delay_is_over() {
    let mut story = Story::new();
    assert_eq!(story.at(1000), NEW);
    assert_eq!(story.at(1000), NEW);
    assert_eq!(story.at(1001), early(299));
    assert_eq!(story.at(1299), early(1));
    assert_eq!(story.at(1300), first_pass(300));
    assert_eq!(story.at(1301), FOUND);
    assert_eq!(story.row(), (1000, 1301));
}

#[test]
fn the_retry_window_counts_from_the_first_attempt() {
    let window = 2 * SECONDS_PER_DAY;
    let mut story = Story::new().remembering(1000, 1010);
    assert_eq!(story.at(1000 + window), first_pass(window));

    let mut story = Story::new().remembering(1000, 1000 + window - 1);
    story.policy.delay = 3 * SECONDS_PER_DAY;
    assert_eq!(
        story.at(1001 + window),
        Verdict { reason: Reason::New, seconds: 3 * SECONDS_PER_DAY }
    );
    assert_eq!(story.row(), (1001 + window, 1001 + window));
}

#[test]
fn passed_triplets_do_not_expire_at_lookup() {
    let mut story = Story::new().remembering(1000, 1300);
    assert_eq!(story.at(1300 + 400 * SECONDS_PER_DAY), FOUND);
}

#[test]
fn a_first_attempt_in_the_future_is_set_right() {
    let mut story = Story::new().remembering(2000, 2300);
    assert_eq!(story.at(1000), NEW);
    assert_eq!(story.notices, [Notice::FirstSeenInFuture]);
    assert_eq!(story.row(), (1000, 1000));
}

#[test]
fn a_clock_set_back_makes_a_triplet_wait_and_pass_again() {
    let mut story = Story::new().remembering(1000, 5000);
    assert_eq!(story.at(1100), early(200));
    assert_eq!(story.row(), (1000, 1100));
    assert_eq!(story.at(1300), first_pass(300));
}

#[test]
fn a_changed_delay_applies_to_old_records() {
    let mut story = Story::new().remembering(1000, 1300);
    story.policy.delay = 600;
    assert_eq!(story.at(1301), early(299));
    assert_eq!(story.at(1600), first_pass(600));
}

/// A story whose recipient has a delay of its own.
fn with_own_delay(seconds: i64) -> Story {
    let bytes = format!("d.example delay={seconds}").into_bytes();
    let text = crate::lists::Text { file: "list".into(), bytes };
    let mut story = Story::new();
    story.lists.delays = crate::lists::Delays::parse([text], &mut Vec::new());
    story
}

#[test]
fn a_recipient_may_have_a_shorter_delay() {
    let mut story = with_own_delay(60);
    assert_eq!(story.at(1000), Verdict { reason: Reason::New, seconds: 60 });
    assert_eq!(story.at(1059), early(1));
    assert_eq!(story.row(), (1000, 1059));
    assert_eq!(story.at(1060), first_pass(60));
    assert_eq!(story.urgency(), Urgency::BeforeReply);
    assert_eq!(story.row(), (760, 1060), "whoever goes by --delay sees that it has passed");
    assert_eq!(story.at(1061), FOUND);
    assert_eq!(story.at(9999), FOUND);
    assert_eq!(story.row(), (760, 9999));
    story.lists = Lists::default();
    assert_eq!(story.at(10_000), FOUND, "without the list");
}

#[test]
fn a_recipient_may_have_a_longer_delay() {
    let mut story = with_own_delay(600);
    assert_eq!(story.at(1000), Verdict { reason: Reason::New, seconds: 600 });
    assert_eq!(story.at(1300), early(300));
    assert_eq!(story.row(), (1000, 1299), "whoever goes by --delay sees that it waits");
    assert_eq!(story.at(1600), first_pass(600));
    assert_eq!(story.row(), (1000, 1600));
    assert_eq!(story.at(1601), FOUND);
}

#[test]
fn a_triplet_that_passed_waits_for_no_delay_of_its_recipient() {
    let mut story = with_own_delay(86_400).remembering(1000, 1300);
    assert_eq!(story.at(1301), FOUND, "allowed by hand, or from before the list");
    assert_eq!(story.row(), (1000, 1301));
}

#[test]
fn a_recipient_may_have_a_delay_without_a_general_one() {
    for delay in [0, -5] {
        let mut story = with_own_delay(60);
        story.policy.delay = delay;
        assert_eq!(story.at(1000), Verdict { reason: Reason::New, seconds: 60 });
        assert_eq!(story.at(1059), early(1));
        assert_eq!(story.at(1060), first_pass(60));
        assert_eq!(story.at(1061), FOUND);
    }
}

#[test]
fn a_negative_delay_lets_the_first_attempt_pass() {
    let mut story = Story::new();
    story.policy.delay = -5;
    assert_eq!(story.at(1000), first_pass(0));
    assert_eq!(story.row(), (1000, 1000));
    assert_eq!(story.at(1000), FOUND);
}

#[test]
fn a_retry_window_of_zero_lets_nothing_pass() {
    let mut story = Story::new();
    story.policy.retry_window = 0;
    assert_eq!(story.at(1000), NEW);
    assert_eq!(story.at(1300), NEW);
    assert_eq!(story.row(), (1300, 1300));
}

#[test]
fn only_what_changes_a_later_decision_must_be_on_disk_first() {
    let mut story = Story::new();
    story.at(1000);
    assert_eq!(story.urgency(), Urgency::BeforeReply, "new");
    story.at(1100);
    assert_eq!(story.urgency(), Urgency::Soon, "early again");
    story.at(1300);
    assert_eq!(story.urgency(), Urgency::BeforeReply, "first pass");
    story.at(9999);
    assert_eq!(story.urgency(), Urgency::Soon, "known");
    story.at(1100);
    assert_eq!(story.urgency(), Urgency::BeforeReply, "clock back across the delay");
    story.at(500);
    assert_eq!(story.urgency(), Urgency::BeforeReply, "clock back before the first");
}

#[test]
fn first_passes_are_counted_once_an_hour() {
    let mut story = Story::with(Policy::default());
    for (recipient, now, count) in [
        ("r1@d", 10_000, Some((1, 10_000))),
        ("r2@d", 13_599, Some((1, 10_000))),
        ("r3@d", 13_600, Some((2, 13_600))),
    ] {
        story.recipient = recipient.to_string();
        assert_eq!(story.at(now - 300), NEW);
        assert_eq!(story.at(now), first_pass(300));
        assert_eq!(story.at(now + 1), FOUND);
        assert_eq!(story.count(), count, "{recipient}");
    }
}

#[test]
fn the_pass_that_reaches_the_count_is_announced() {
    let mut story = Story::with(Policy { auto_whitelist: Some(2), ..Policy::default() });
    for (recipient, now) in [("r1@d", 10_000), ("r2@d", 20_000)] {
        story.recipient = recipient.to_string();
        story.at(now - 300);
        assert_eq!(story.at(now), first_pass(300));
    }
    assert_eq!(story.notices, [Notice::AutoWhitelisted(AwlSubject::Client([192, 0, 2, 1].into()))]);
    story.recipient = "r3@d".to_string();
    assert_eq!(story.at(20_100), Reason::AutoWhitelist.into());
    assert_eq!(story.count(), Some((2, 20_000)));
    let triplets = story.memory.records.keys().filter(|(table, _)| *table == Table::Triplets);
    assert_eq!(triplets.count(), 2, "an exempt pass writes no triplet");
    assert_eq!(story.at(23_600), Reason::AutoWhitelist.into());
    assert_eq!(story.count(), Some((3, 23_600)));
    assert_eq!(story.at(500), Reason::AutoWhitelist.into());
    assert_eq!(story.count(), Some((4, 500)), "a last pass in the future is set right");
}

#[test]
fn without_an_auto_whitelist_nothing_is_counted() {
    let mut story = Story::new();
    let record = Record::Client(ClientRecord { count: 9, last: 0 });
    story.memory.records.insert((Table::Clients, CLIENT.to_vec()), record);
    assert_eq!(story.at(1000), NEW);
    assert_eq!(story.at(1300), first_pass(300));
    assert_eq!(story.count(), Some((9, 0)));
}

#[test]
fn a_write_carries_the_record_that_it_replaces() {
    let mut story = Story::with(Policy::default()).remembering(1000, 1000);
    let request = Request {
        client_address: CLIENT,
        sender: b"a@b.example",
        recipient: b"c@d.example",
        ..Request::default()
    };
    let mut writes = |now| {
        let plan = plan(&story.policy, &story.lists, &request, now, &mut Budget::default());
        let Plan::Lookup(lookup) = plan else {
            panic!("decided without a lookup");
        };
        let writes = story.memory.decide_now(&story.policy, &lookup).writes;
        writes.iter().map(|write| (write.slot, write.before, write.after)).collect::<Vec<_>>()
    };
    let triplet = |first, last| Record::Triplet(TripletRecord { first, last });
    let client = |count, last| Record::Client(ClientRecord { count, last });
    assert_eq!(
        writes(1300),
        [
            (Slot::Triplet, Some(triplet(1000, 1000)), triplet(1000, 1300)),
            (Slot::Client(0), None, client(1, 1300)),
        ]
    );
    assert_eq!(writes(1300), [], "nothing changes within a second");
    assert_eq!(writes(1301), [(Slot::Triplet, Some(triplet(1000, 1300)), triplet(1000, 1301))]);
}
