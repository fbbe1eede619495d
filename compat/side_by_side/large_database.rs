//! Measurements on large databases: `compat/bench --large`. They take minutes.

#![expect(clippy::print_stdout, reason = "the results are for the terminal")]

mod tools;

use postgrey::greylist::edit::Edit;
use postgrey::greylist::{Metadata, Policy, Record};
use postgrey::state::local::{FILE_NAME, Store};
use postgrey::state::{Backend, Lifetimes, TripletRecord};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::random::{self, Random};
use testkit::{Attempt, Client, Daemon, Program, start_of_time};

const DAY: i64 = 86_400;

/// The rules of the original's defaults.
const LIFETIMES: Lifetimes =
    Lifetimes { max_age: 35 * DAY, retry_window: 2 * DAY, delay: 300, clients: true };

const OLD: (i64, i64) = (-50 * DAY, -40 * DAY);
const YOUNG: (i64, i64) = (-50 * DAY, -DAY);

pub fn run() {
    a_million_triplets_half_of_them_too_old();
    a_start_with_five_million_triplets();
    a_year_of_mail();
    tools::looking_at_five_million_triplets();
    tools::large_changes_under_load();
}

fn open(directory: &Path) -> Store {
    Store::open(directory, Metadata::of(&Policy::default())).expect("a database")
}

/// Writes so many triplets, each seen first and last at these moments.
fn fill(
    directory: &Path,
    count: usize,
    key: impl Fn(usize) -> Vec<u8>,
    seen: impl Fn(usize) -> (i64, i64),
) {
    let mut store = open(directory);
    for first in (0..count).step_by(20_000) {
        let edits = (first..(first + 20_000).min(count)).map(|row| {
            let (first, last) = seen(row);
            let record =
                TripletRecord { first: start_of_time() + first, last: start_of_time() + last };
            Edit::merge(&key(row), Record::Triplet(record))
        });
        store.edit(&Policy::default(), edits.collect(), 0).expect("a commit");
    }
    drop(store);
    // The daemon's user has to own it.
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let owner = fs::metadata(directory).expect("the directory");
        use std::os::unix::fs::{MetadataExt, chown};
        chown(path, Some(owner.uid()), Some(owner.gid())).expect("chown");
    }
}

fn recipient(row: usize) -> String {
    format!("somebody{row}@example.org")
}

/// Row `row`'s key, the rows in no order of their keys.
fn scattered(row: usize) -> Vec<u8> {
    let network = row.wrapping_mul(0x9e37_79b9) >> 3;
    let [.., a, b, c] = network.to_be_bytes();
    format!("{a}.{b}.{c}.0/newsletter@sender{}.test/{}", row % 1000, recipient(row)).into_bytes()
}

/// The same in order, which is faster to write.
fn in_order(row: usize) -> Vec<u8> {
    format!("192.0.2.0/newsletter@sender.test/{row:08}{}", recipient(row)).into_bytes()
}

fn size(directory: &Path) -> u64 {
    fs::metadata(directory.join(FILE_NAME)).expect("the database").len()
}

fn status(daemon: &Daemon, name: &str) -> usize {
    let path = format!("/proc/{}/status", daemon.pid());
    let status = fs::read_to_string(path).expect("a process");
    let line = status.lines().find(|line| line.starts_with(name)).expect("a line of that name");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

fn ask(client: &mut Client, number: usize) {
    client.ask(&Attempt::new("198.51.100.1", "a.test", "alice@sender.test", &recipient(number)));
}

/// Asks a hundred times a second until it is enough: new triplets and known
/// ones in turn. Gives the reply times in order of length, each from the moment
/// in which the request was due, however long those before it took.
fn load(daemon: &Daemon, first: usize, mut is_enough: impl FnMut() -> bool) -> Vec<Duration> {
    let mut client = daemon.client();
    let begin = Instant::now();
    let mut times = Vec::new();
    while times.len() % 100 != 0 || !is_enough() {
        let due = begin + Duration::from_millis(10) * u32::try_from(times.len()).expect("a count");
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        ask(&mut client, first + times.len() / 2);
        times.push(due.elapsed());
    }
    times.sort();
    times
}

fn report(what: &str, times: &[Duration]) {
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{what}: {} replies, median {:?}, 99 % {:?}, longest {:?}",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

fn a_million_triplets_half_of_them_too_old() {
    let builder = Daemon::builder(Program::under_test());
    let dbdir = builder.scratch().subdirectory("db");
    fill(&dbdir, 1_000_000, scattered, |row| if row % 2 == 0 { OLD } else { YOUNG });
    let before = size(&dbdir);
    let daemon = builder.start();
    let begin = Instant::now();
    let usual = load(&daemon, 0, || begin.elapsed() > Duration::from_secs(5));
    report("before", &usual);
    println!(
        "file {before} bytes, VmRSS {} KiB, RssAnon {} KiB",
        status(&daemon, "VmRSS"),
        status(&daemon, "RssAnon")
    );
    let begin = Instant::now();
    let news = |daemon: &Daemon| {
        daemon.log().iter().find(|line| line.starts_with("cleaning main")).cloned()
    };
    let times = load(&daemon, 1_000_000, || {
        news(&daemon).is_some() || begin.elapsed() > Duration::from_secs(900)
    });
    report("while it cleans up", &times);
    println!("{:?} after {:?}", news(&daemon), begin.elapsed());
    println!(
        "file {} bytes, VmRSS {} KiB, RssAnon {} KiB",
        size(&dbdir),
        status(&daemon, "VmRSS"),
        status(&daemon, "RssAnon")
    );
}

fn a_start_with_five_million_triplets() {
    let builder = Daemon::builder(Program::under_test());
    let dbdir = builder.scratch().subdirectory("db");
    fill(&dbdir, 5_000_000, in_order, |_| YOUNG);
    let mut builder = builder;
    for _ in 0..5 {
        let begin = Instant::now();
        let daemon = builder.start();
        let mut client = daemon.client();
        ask(&mut client, 0);
        println!(
            "{:?} from the start to the first reply, file {} bytes",
            begin.elapsed(),
            size(&dbdir)
        );
        println!(
            "VmRSS {} KiB, RssAnon {} KiB",
            status(&daemon, "VmRSS"),
            status(&daemon, "RssAnon")
        );
        drop(client);
        builder = daemon.stop().again(Program::under_test());
    }
}

/// A mail server's year: 2,000 new triplets a day, of which one in five comes
/// back and then writes every other day for a month. Clean-up goes through the
/// database four times a day, commits take 32 mails each.
fn a_year_of_mail() {
    let scratch = testkit::Scratch::new();
    let mut store = open(scratch.path());
    let mut random = Random::of(random::seed());
    let mut friends: Vec<(Vec<u8>, i64)> = Vec::new();
    let mut sizes = Vec::new();
    for quarter in 0..4 * 365 {
        let now = start_of_time() + quarter * DAY / 4;
        friends.retain(|(_, first)| now - first < 30 * DAY);
        let mut mails: Vec<(Vec<u8>, TripletRecord)> = Vec::new();
        for _ in 0..500 {
            let key = scattered(random.below(usize::MAX >> 1));
            mails.push((key.clone(), TripletRecord { first: now, last: now }));
            if random.one_in(5) {
                mails.push((key.clone(), TripletRecord { first: now, last: now + 900 }));
                friends.push((key, now));
            }
        }
        for (key, first) in friends.iter().filter(|_| random.one_in(8)) {
            mails.push((key.clone(), TripletRecord { first: *first, last: now }));
        }
        for mails in mails.chunks(32) {
            let edits = mails.iter().map(|(key, seen)| Edit::merge(key, Record::Triplet(*seen)));
            store.edit(&Policy::default(), edits.collect(), 0).expect("a commit");
        }
        let lap = loop {
            store.expire(&LIFETIMES, now).expect("a slice");
            store.flush().expect("a commit");
            if let Some(lap) = store.take_expiry_pass() {
                break lap;
            }
        };
        if quarter % 120 == 119 {
            sizes.push(size(scratch.path()));
            let rows = lap.triplets.before - lap.triplets.deleted;
            println!("day {}: {rows} triplets, {} bytes", quarter / 4 + 1, sizes[sizes.len() - 1]);
        }
    }
    assert!(sizes[sizes.len() - 1] < 2 * sizes[2], "it grows and grows: {sizes:?}");
}
