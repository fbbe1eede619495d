//! Acknowledged records survive a power failure at any moment.
//!
//! A real daemon works under load while all its writes and syncs are recorded.
//! The record is replayed up to each sync, with power failures before it: none,
//! all or any part of the unsynced writes have arrived ([`disk`] states the
//! assumptions about a disk). The result must be a sound database with all
//! records acknowledged by then.
//!
//! `POSTGREY_RANDOM_CASES` is how many random parts are tried at each sync,
//! `POSTGREY_SEED` repeats a run.
mod database;
mod disk;
mod record;

use database::{Acknowledged, Remains, back, new};
use disk::Disk;
use record::{DATABASE, Event, JOURNAL};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};
use testkit::random::{self, Random};
use testkit::{Daemon, Listener, Program};

/// How much later than promised a row may come to the disk: a busy machine
/// keeps a daemon waiting for its turn.
const SLACK: Duration = Duration::from_secs(5);

/// The power fails before one in this many syncs of the journal.
const ONE_FAILS: usize = 16;

/// The database is used further after one in this many power failures.
const ONE_GOES_ON: usize = 8;

#[test]
fn the_file_is_sound_and_complete_after_any_power_failure() {
    let daemon = record::recording(Daemon::builder(Program::under_test())).start();
    burst(&daemon, 0..1000);
    sweep(&daemon);
    let connections: Vec<_> = (0..4)
        .map(|connection| {
            let listener = daemon.listener().clone();
            thread::spawn(move || work(&listener, 1000 + 100 * connection, 20))
        })
        .collect();
    sweep(&daemon);
    connections.into_iter().for_each(|connection| connection.join().expect("proper replies"));

    let mut replay = Replay::new(Duration::ZERO);
    replay.run(daemon);
    assert_eq!(replay.acknowledged.count(), (1080, 80), "the record lacks replies");
}

#[test]
fn with_sync_only_the_last_records_are_lost() {
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
    sweep(&daemon);

    let mut replay = Replay::new(Duration::from_secs(1));
    replay.run(daemon);
    assert_eq!(replay.acknowledged.count(), (5000 + slow, slow), "the record lacks replies");
}

/// Asks about many new triplets at once.
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

/// Has all records written to the database, as each tool does that reads them.
fn sweep(daemon: &Daemon) {
    daemon.tool("stats").success();
}

/// One connection: triplets that are new, come back, and come once more.
fn work(listener: &Listener, first: usize, count: usize) {
    let mut client = listener.connect().expect("a server that listens");
    for number in first..first + count {
        client.assert_deferred(&new(number));
        assert!(client.ask(&back(number)).starts_with("PREPEND "));
        assert_eq!(client.ask(&back(number)), "DUNNO");
    }
}

/// A daemon's life on a disk that fails again and again.
struct Replay {
    /// How long after the reply a record may come to the disk.
    patience: Duration,
    /// The database and the journal.
    disks: [Disk; 2],
    are_named: [bool; 2],
    /// The acknowledged triplets.
    acknowledged: Acknowledged,
    /// The records that the files have to contain.
    owed: Acknowledged,
    /// When the first triplet was acknowledged that may not be on disk.
    first_acknowledged: Option<Duration>,
    ruin: Remains,
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
            disks: Default::default(),
            are_named: [false; 2],
            acknowledged: Acknowledged::default(),
            owed: Acknowledged::default(),
            first_acknowledged: None,
            ruin: Remains::new(),
            random: Random::of(seed),
            ruins: 0,
        }
    }

    /// Stops the daemon and replays what it did.
    #[allow(clippy::print_stderr, reason = "how much was tried")]
    fn run(&mut self, daemon: Daemon) {
        let stopped = daemon.stop();
        let directory = stopped.scratch.path();
        let events = record::read(directory);
        let mut syncs = [0; 2];
        for event in events {
            if let Event::Synced(file, _) = event {
                syncs[file] += 1;
            }
            self.step(event);
        }
        let pending = [DATABASE, JOURNAL].map(|file| self.disks[file].pending());
        assert_eq!(pending, [0, 0], "a clean end leaves nothing to the disk's mercy");
        self.owed = self.acknowledged.clone();
        self.fail_with([Disk::with_none, Disk::with_none]);
        for (file, name) in [(DATABASE, "postgrey.mdb"), (JOURNAL, "postgrey.journal")] {
            let content = fs::read(directory.join("db").join(name)).expect("a file");
            assert!(self.disks[file].durable() == content, "something wrote past the record");
        }
        assert!(syncs[DATABASE] > 10, "no sweep while the daemon worked: {syncs:?}");
        eprintln!("{} power failures around {syncs:?} syncs", self.ruins);
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Write(file, place, bytes) => self.disks[file].write(place, &bytes),
            Event::Synced(file, moment) => {
                if file == DATABASE || self.random.one_in(ONE_FAILS) {
                    self.fail_before_sync();
                }
                self.disks[file].sync();
                if file == JOURNAL {
                    self.owed = self.acknowledged.clone();
                    let acknowledged = self.first_acknowledged.take().unwrap_or(moment);
                    let is_late = moment > acknowledged + self.patience + SLACK;
                    assert!(!is_late, "acknowledged at {acknowledged:?}, on disk at {moment:?}");
                }
            }
            Event::WriteSynced(file) => {
                // The page that names the roots of a new database: LMDB takes for
                // granted that it changes as a whole.
                assert_eq!(self.disks[file].last(), 1, "a commit's last step spans sectors");
                self.fail_before_sync();
                self.disks[file].sync_last();
            }
            Event::Named(file) => {
                let pending = self.disks[file].pending();
                assert_eq!(pending, 0, "a file gets its name before it is whole");
                self.are_named[file] = true;
            }
            Event::Acknowledged(moment, packet) => {
                self.acknowledged.note(&packet);
                self.first_acknowledged.get_or_insert(moment);
                if self.patience.is_zero() {
                    self.owed = self.acknowledged.clone();
                }
            }
        }
    }

    /// Lets the power fail before a sync has returned, in several ways.
    fn fail_before_sync(&mut self) {
        if !self.are_named[DATABASE] {
            return;
        }
        self.fail_with([Disk::with_none, Disk::with_none]);
        self.fail_with([Disk::with_all, Disk::with_all]);
        let pending = [DATABASE, JOURNAL].map(|file| self.disks[file].pending());
        if pending.iter().all(|pending| *pending > 0) {
            self.fail_with([Disk::with_none, Disk::with_all]);
            self.fail_with([Disk::with_all, Disk::with_none]);
        }
        if pending.iter().sum::<usize>() > 1 {
            let mut random = self.random.clone();
            for _ in 0..random::cases(2) {
                let first = pending.map(|pending| random.below(pending + 1));
                self.fail_with_files([0, 1].map(|file| self.disks[file].with_first(first[file])));
                let some = [0, 1].map(|file| self.disks[file].with_some(&mut random));
                self.fail_with_files(some);
            }
            self.random = random;
        }
    }

    fn fail_with(&mut self, arrival: [fn(&Disk) -> Vec<u8>; 2]) {
        self.fail_with_files([0, 1].map(|file| arrival[file](&self.disks[file])));
    }

    /// Holds what is left to what it owes.
    fn fail_with_files(&mut self, [database, journal]: [Vec<u8>; 2]) {
        self.ruins += 1;
        self.ruin.leave(&database, self.are_named[JOURNAL].then_some(&journal));
        self.ruin.assert_sound();
        let mut store = self.ruin.open();
        let missing = self.owed.missing_in(&mut store);
        assert!(missing.is_empty(), "acknowledged and lost: {missing:?}");
        if self.random.one_in(ONE_GOES_ON) {
            self.ruin.go_on(&mut store);
            drop(store);
            self.ruin.assert_sound();
            let missing = self.owed.missing_in(&mut self.ruin.open());
            assert!(missing.is_empty(), "lost by further use: {missing:?}");
        }
    }
}
