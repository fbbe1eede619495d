//! A refresh that waits for the disk, and is lost there, changes no decision.
//!
//! Random streams of mail, with kills in between, are decided twice: by the
//! store that lets refreshes wait, and by one that remembers everything at
//! once. All decisions have to be the same. What a lost refresh does cost a
//! triplet is age, hence clean-up is left out here.
//!
//! `POSTGREY_SEED` repeats a run, `POSTGREY_RANDOM_CASES` sets the number of
//! streams.
mod stream;

use postgrey::greylist::{Decision, Lookup, Metadata, Plan, Policy, plan};
use postgrey::lists::{Budget, Lists};
use postgrey::state::local::Store;
use postgrey::state::memory::Memory;
use postgrey::state::{Backend, Completed, Done, Task, Ticket};
use std::time::Duration;
use stream::{Mail, Stream};
use testkit::Scratch;
use testkit::random::{self, Random};

fn lookup(policy: &Policy, mail: &Mail) -> Lookup {
    let lists = Lists::default();
    match plan(policy, &lists, &mail.request(), mail.time, &mut Budget::default()) {
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

fn open(scratch: &Scratch, patience: Duration) -> Store {
    let notes = Metadata::of(&Policy::default());
    Store::open(scratch.path(), notes).expect("a database").writing_within(patience)
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
fn compare(random: &mut Random, patience: Duration, ends: &[&End]) -> usize {
    let policy = policy(random);
    let scratch = Scratch::new();
    let mut store = open(&scratch, patience);
    let mut memory = Memory::default();
    let mut stream = Stream::new(testkit::start_of_time());
    let mut compared = 0;
    for batch_number in 0..60 {
        let end = *random.pick(ends);
        let mails: Vec<Mail> = (0..1 + random.below(4)).map(|_| stream.next(random)).collect();
        for (number, mail) in mails.iter().enumerate() {
            store.submit(Ticket::Connection(number), Task::Decide(lookup(&policy, mail)));
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
            store = open(&scratch, patience);
        }
        // In the order in which they came: a later one may have been completed first.
        let mut decisions: Vec<_> = completed.into_iter().map(decision).collect();
        decisions.sort_by_key(|(number, _)| *number);
        for (number, ours) in decisions {
            let mail = &mails[number];
            let everything = memory.decide_now(&policy, &lookup(&policy, mail));
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
    let ends = [&End::Commit, &End::Flush, &End::KillBefore, &End::KillAfter];
    let streams = random::cases(60);
    let compared: usize = (0..streams).map(|_| compare(&mut random, Duration::ZERO, &ends)).sum();
    assert!(compared > 60 * streams, "only {compared} decisions of {streams} streams");
}
