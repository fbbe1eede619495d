//! A refresh that waits for the disk, and is lost there, changes no decision.
//!
//! Random streams of mail, with kills in between, are decided twice: by the
//! store that lets refreshes wait, and by one that remembers everything at
//! once. All decisions have to be the same. What a lost refresh does cost a
//! triplet is age, hence clean-up is left out here.
//!
//! `POSTGREY_SEED` repeats a run, `POSTGREY_RANDOM_CASES` sets the number of
//! streams.

use postgrey::greylist::{Decision, Lookup, Metadata, Plan, Policy, plan};
use postgrey::lists::{Budget, Lists};
use postgrey::request::Request;
use postgrey::state::local::Store;
use postgrey::state::memory::Memory;
use postgrey::state::{Backend, Completed, Done, Task, Ticket};
use std::time::Duration;
use testkit::Scratch;
use testkit::random::{self, Random};

// Mail of a few people who meet repeatedly, at times around the limits of the rules.
const CLIENTS: [&str; 3] = ["192.0.2.1", "192.0.2.2", "2001:db8::1"];
const SENDERS: [&str; 2] = ["alice@sender.test", ""];
const RECIPIENTS: [&str; 2] = ["bob@example.org", "carol@example.org"];

/// Seconds to the next mail: around the delay, the auto-whitelist's hour, the
/// retry window. The clock may go back a little.
const STEPS: [i64; 16] =
    [0, 0, 0, 1, 1, 10, -1, 60, 299, 300, 301, 3599, 3601, 172_500, 172_800, 864_000];

/// A lookup for the next mail.
fn lookup(policy: &Policy, random: &mut Random, time: &mut i64) -> Lookup {
    *time += STEPS[random.below(STEPS.len())];
    let request = Request {
        client_address: CLIENTS[random.below(CLIENTS.len())].as_bytes(),
        client_name: b"a.test",
        sender: SENDERS[random.below(SENDERS.len())].as_bytes(),
        recipient: RECIPIENTS[random.below(RECIPIENTS.len())].as_bytes(),
        ..Request::default()
    };
    match plan(policy, &Lists::default(), &request, *time, &mut Budget::default()) {
        Plan::Lookup(lookup) => lookup,
        Plan::Decided(verdict) => panic!("{verdict:?} without a lookup"),
    }
}

/// The decision of a completed task, and the number of its mail.
fn decision(completed: Completed) -> (usize, Decision) {
    match (completed.ticket, completed.result) {
        (Ticket::Connection(number), Ok(Done::Decided(decision))) => (number, decision),
        other => panic!("{other:?}"),
    }
}

#[allow(clippy::print_stderr, reason = "repeats a failure")]
fn seed() -> u64 {
    let seed = random::seed();
    eprintln!("POSTGREY_SEED={seed}");
    seed
}

/// A policy in which all that may depend on the last attempt does.
fn policy(random: &mut Random) -> Policy {
    let delays = [&300, &300, &0, &-60, &3600];
    let auto_whitelist = [&None, &Some(1), &Some(2), &Some(5)];
    Policy {
        delay: *random.pick(&delays),
        auto_whitelist: *random.pick(&auto_whitelist),
        ..Policy::default()
    }
}

fn open(scratch: &Scratch) -> Store {
    let notes = Metadata::of(&Policy::default());
    Store::open(scratch.path(), notes).expect("a database").writing_within(Duration::ZERO)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Commit,
    Flush,
    /// The daemon is killed before the reply to a write that has to be durable.
    KillBefore,
    KillAfter,
}

/// Sends one stream through both stores; returns the number of compared
/// decisions.
fn compare(random: &mut Random) -> usize {
    let ends = [&End::Commit, &End::Flush, &End::KillBefore, &End::KillAfter];
    let policy = policy(random);
    let scratch = Scratch::new();
    let mut store = open(&scratch);
    let mut memory = Memory::default();
    let mut time = testkit::start_of_time();
    let mut compared = 0;
    for batch_number in 0..60 {
        let end = *random.pick(&ends);
        let count = 1 + random.below(4);
        let mails: Vec<Lookup> = (0..count).map(|_| lookup(&policy, random, &mut time)).collect();
        for (number, mail) in mails.iter().enumerate() {
            store.submit(Ticket::Connection(number), Task::Decide(mail.clone()));
        }
        let mut completed = Vec::new();
        store.decide(&policy, &mut completed);
        if end != End::KillBefore {
            store.commit(&mut completed).expect("a disk that works");
        }
        if end == End::Flush {
            store.flush().expect("a disk that works");
        }
        if matches!(end, End::KillBefore | End::KillAfter) {
            drop(store);
            store = open(&scratch);
        }
        // In the order in which they came: a later one may have been completed first.
        let mut decisions: Vec<_> = completed.into_iter().map(decision).collect();
        decisions.sort_by_key(|(number, _)| *number);
        for (number, ours) in decisions {
            let mail = &mails[number];
            let everything = memory.decide_now(&policy, mail);
            let where_ = format!("{mail:?} in batch {batch_number} by {policy:?}");
            assert_eq!(ours.verdict, everything.verdict, "{where_}");
            assert_eq!(ours.notices, everything.notices, "{where_}");
            compared += 1;
        }
    }
    compared
}

#[test]
fn decisions_equal_those_of_a_store_that_writes_at_once() {
    let mut random = Random::of(seed());
    let streams = random::cases(60);
    let compared: usize = (0..streams).map(|_| compare(&mut random)).sum();
    assert!(compared > 60 * streams, "only {compared} decisions of {streams} streams");
}
