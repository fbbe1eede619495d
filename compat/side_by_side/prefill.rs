//! Databases of a given size, made in seconds and not by asking.

use crate::traffic::{self, Population};
use nix::unistd::User;
use postgrey::greylist::edit::{Change, Edit};
use postgrey::greylist::{Metadata, Policy, Record};
use postgrey::state::local::Store;
use postgrey::state::{Table, TripletRecord};
use std::fs;
use std::io::{BufWriter, Write};
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

const BATCH: usize = 20_000;

/// Triplets that come each day of the past, how many in a commit, and after how
/// many days they go.
const DAILY: usize = 1_000;
const TOGETHER: usize = 50;
const MAX_AGE: usize = 35;

/// The rows of a database, in the order of their keys.
pub struct Rows {
    rows: Vec<(String, TripletRecord)>,
    days: usize,
}

impl Rows {
    /// The triplets of a population. So many percent of those that passed did
    /// so for the last time longer ago than any are kept.
    pub fn of(population: Population, expired: usize) -> Rows {
        let now = now();
        let day = 86_400;
        let key = |number: usize| traffic::key(number as u64, population.padding);
        let known = (0..population.known).map(|number| {
            let age = if number % 100 < expired { 60 * day } else { 2 * day };
            (key(number), TripletRecord { first: now - age - 2 * day, last: now - age })
        });
        let waiting = population.known..population.known + population.early;
        let waiting = waiting.map(|number| (key(number), TripletRecord { first: now, last: now }));
        let mut rows: Vec<_> = known.chain(waiting).collect();
        rows.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        Rows { rows, days: population.days }
    }

    pub fn write_ours(&self, directory: &Path) {
        let notes = Metadata::of(&Policy::default());
        let mut store = Store::open(directory, notes).expect("a new database");
        for rows in self.rows.chunks(BATCH) {
            let edits = rows.iter().map(|(key, record)| merge(key, *record)).collect();
            store.edit(&Policy::default(), edits, 0).expect("room on the disk");
        }
        let last = if self.days > 0 { self.days + MAX_AGE } else { 0 };
        for day in 0..last {
            self.pass(&mut store, day);
        }
        drop(store);
        give_away(directory);
    }

    /// One day of the past: its mail comes, as far as there was any, and that of
    /// long before goes.
    fn pass(&self, store: &mut Store, day: usize) {
        let keys = |day: usize| {
            let first = 1_000_000_000 + day * DAILY;
            (first..first + DAILY).map(|number| traffic::key(number as u64, 0))
        };
        let come: Vec<_> = (day < self.days).then(|| keys(day)).into_iter().flatten().collect();
        let gone = day.checked_sub(MAX_AGE).map(keys);
        let gone: Vec<_> = gone.into_iter().flatten().collect();
        let seen = TripletRecord { first: now(), last: now() };
        for rows in come.chunks(TOGETHER) {
            let edits = rows.iter().map(|key| merge(key, seen)).collect();
            store.edit(&Policy::default(), edits, 0).expect("room on the disk");
        }
        for rows in gone.chunks(TOGETHER) {
            let edits = rows.iter().map(|key| Edit {
                table: Table::Triplets,
                key: key.as_bytes().to_vec(),
                change: Change::Forget,
            });
            let forgotten = store.edit(&Policy::default(), edits.collect(), 0);
            assert_eq!(forgotten.expect("room on the disk"), rows.len());
        }
    }

    /// Makes the original's of it.
    pub fn write_theirs(&self, directory: &Path) {
        let mut load = Command::new("db5.3_load")
            .args(["-T", "-t", "btree", "postgrey.db"])
            .current_dir(directory)
            .stdin(Stdio::piped())
            .spawn()
            .expect("db5.3_load (compat/check installs it)");
        let mut input = BufWriter::new(load.stdin.take().expect("a pipe"));
        for (key, seen) in &self.rows {
            writeln!(input, "{key}\n{}", seen.text()).expect("a reader");
        }
        drop(input);
        assert!(load.wait().expect("a child").success(), "db5.3_load failed");
        give_away(directory);
    }
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(now.as_secs()).expect("a clock before 2262")
}

fn give_away(directory: &Path) {
    let user = User::from_name("postgrey").ok().flatten().expect("Debian's user postgrey");
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        chown(entry.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("chown");
    }
}

fn merge(key: &str, record: TripletRecord) -> Edit {
    Edit::merge(key.as_bytes(), Record::Triplet(record))
}
