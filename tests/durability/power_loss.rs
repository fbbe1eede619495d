//! What a client was told outlives a power failure at any moment.
//!
//! A real daemon works under load while all that it asks of the disk is written
//! down. The record is then replayed up to each sync, with power failures
//! before it: nothing, everything or any part of what was not synced has
//! arrived ([`disk`] states what is assumed of a disk). Whatever is left has to
//! be a sound database, with all that clients had been told by then.
//!
//! `POSTGREY_RANDOM_CASES` is how many random parts are tried at each sync,
//! `POSTGREY_SEED` repeats a run.
mod database;
mod disk;
mod record;

use database::{Ruin, Told, back, new};
use disk::Disk;
use record::Event;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};
use testkit::random::{self, Random};
use testkit::{Daemon, Listener, Program};

/// How much later than promised a row may come to the disk: a busy machine
/// keeps a daemon waiting for its turn.
const SLACK: Duration = Duration::from_secs(5);

/// Power failures after which the database is used further, one in so many.
const ONE_GOES_ON: usize = 8;

#[test]
fn the_file_is_sound_and_complete_after_any_power_failure() {
    let daemon = record::recording(Daemon::builder(Program::under_test())).start();
    burst(&daemon, 0..1000);
    let connections: Vec<_> = (0..4)
        .map(|connection| {
            let listener = daemon.listener().clone();
            thread::spawn(move || work(&listener, 1000 + 100 * connection, 20))
        })
        .collect();
    connections.into_iter().for_each(|connection| connection.join().expect("proper replies"));

    let mut replay = Replay::new(Duration::ZERO);
    replay.run(daemon);
    assert_eq!(replay.told.count(), (1080, 80), "the record lacks replies");
}

#[test]
fn with_sync_the_file_is_sound_and_lacks_only_the_last_records() {
    let builder = Daemon::builder(Program::under_test()).arg("--sync=1");
    let daemon = record::recording(builder).start();
    burst(&daemon, 0..5000);
    let mut client = daemon.client();
    let begin = Instant::now();
    let mut slow = 0;
    while begin.elapsed() < Duration::from_millis(2500) {
        client.ask(&new(5000 + slow));
        client.ask(&back(5000 + slow));
        slow += 1;
    }
    drop(client);

    let mut replay = Replay::new(Duration::from_secs(1));
    replay.run(daemon);
    assert_eq!(replay.told.count(), (5000 + slow, slow), "the record lacks replies");
}

fn burst(daemon: &Daemon, numbers: std::ops::Range<usize>) {
    let mut client = daemon.client();
    // In parts that fit into the sockets' buffers.
    for number in numbers.clone().step_by(100) {
        let part = number..(number + 100).min(numbers.end);
        let requests: Vec<u8> = part.clone().flat_map(|number| new(number).bytes()).collect();
        client.send(&requests);
        part.for_each(|_| drop(client.reply().expect("a reply")));
    }
}

/// One connection: triplets that are new, come back, and come once more.
fn work(listener: &Listener, first: usize, count: usize) {
    let mut client = listener.connect().expect("a server that listens");
    for number in first..first + count {
        assert!(client.ask(&new(number)).starts_with("DEFER_IF_PERMIT "));
        assert!(client.ask(&back(number)).starts_with("PREPEND "));
        assert_eq!(client.ask(&back(number)), "DUNNO");
    }
}

/// A daemon's life on a disk that fails again and again.
struct Replay {
    /// How long after the reply a row may come to the disk.
    patience: Duration,
    disk: Disk,
    told: Told,
    owed: Told,
    /// What clients had been told when the commit under way began.
    at_begin: Told,
    /// When they were told the first thing that no commit has begun to take,
    /// and the first that the one under way takes.
    first_told: [Option<Duration>; 2],
    is_named: bool,
    ruin: Ruin,
    random: Random,
    ruins: usize,
}

impl Replay {
    #[allow(clippy::print_stderr, reason = "repeats a failure")]
    fn new(patience: Duration) -> Replay {
        let seed = random::seed();
        eprintln!("POSTGREY_SEED={seed}");
        Replay {
            patience,
            disk: Disk::default(),
            told: Told::default(),
            owed: Told::default(),
            at_begin: Told::default(),
            first_told: [None; 2],
            is_named: false,
            ruin: Ruin::new(),
            random: Random::of(seed),
            ruins: 0,
        }
    }

    #[allow(clippy::print_stderr, reason = "how much was tried")]
    fn run(&mut self, daemon: Daemon) {
        let stopped = daemon.stop();
        let directory = stopped.scratch.path();
        let events = record::read(directory);
        let mut syncs = 0;
        for event in events {
            syncs += usize::from(matches!(event, Event::Synced | Event::WriteSynced(_)));
            self.step(event);
        }
        assert_eq!(self.disk.pending(), 0, "a clean end leaves nothing to the disk's mercy");
        self.owed = self.told.clone();
        self.fail_with(&self.disk.with_none());
        let file = fs::read(directory.join("db/postgrey.mdb")).expect("the database");
        assert!(self.disk.with_none() == file, "something wrote past the record");
        eprintln!("{} power failures around {syncs} syncs", self.ruins);
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Write(place, bytes) => {
                if self.disk.pending() == 0 {
                    self.begin_commit();
                }
                self.disk.write(place, &bytes);
            }
            Event::Synced => {
                self.fail_before_sync();
                self.disk.sync();
            }
            Event::WriteSynced(moment) => {
                // The page that names the roots of a commit: LMDB takes for
                // granted that it changes as a whole.
                assert_eq!(self.disk.last(), 1, "a commit's last step spans sectors");
                self.fail_before_sync();
                self.disk.sync_last();
                self.end_commit(moment);
            }
            Event::Named => {
                assert_eq!(self.disk.pending(), 0, "a file gets its name before it is whole");
                self.is_named = true;
            }
            Event::Told(moment, packet) => {
                self.told.note(&packet);
                self.first_told[0].get_or_insert(moment);
                if self.patience.is_zero() {
                    self.owed = self.told.clone();
                }
            }
        }
    }

    fn begin_commit(&mut self) {
        self.at_begin = self.told.clone();
        let first = self.first_told[0].take();
        self.first_told[1] = self.first_told[1].or(first);
    }

    fn end_commit(&mut self, moment: Duration) {
        self.owed = self.at_begin.clone();
        let told = self.first_told[1].take().unwrap_or(moment);
        assert!(moment <= told + self.patience + SLACK, "told at {told:?}, on disk at {moment:?}");
    }

    /// Lets the power fail before a sync has returned, in several ways.
    fn fail_before_sync(&mut self) {
        if !self.is_named {
            return;
        }
        self.fail_with(&self.disk.with_none());
        self.fail_with(&self.disk.with_all());
        let pending = self.disk.pending();
        if pending > 1 {
            let first = 1 + self.random.below(pending - 1);
            self.fail_with(&self.disk.with_first(first));
            for _ in 0..random::cases(2) {
                let some = self.disk.with_some(&mut self.random);
                self.fail_with(&some);
            }
        }
    }

    fn fail_with(&mut self, file: &[u8]) {
        self.ruins += 1;
        self.ruin.leave(file);
        self.ruin.assert_sound();
        let mut store = self.ruin.open();
        let missing = self.owed.missing_in(&mut store);
        assert!(missing.is_empty(), "told and lost: {missing:?}");
        if self.random.one_in(ONE_GOES_ON) {
            self.ruin.go_on(&mut store);
            drop(store);
            self.ruin.assert_sound();
            let missing = self.owed.missing_in(&mut self.ruin.open());
            assert!(missing.is_empty(), "lost by further use: {missing:?}");
        }
    }
}
