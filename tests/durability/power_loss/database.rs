//! A database that a power failure left, and what has to be in it.

use postgrey::greylist::edit::Edit;
use postgrey::greylist::{Metadata, Policy, Record, triplet};
use postgrey::state::local::{FILE_NAME, Store};
use postgrey::state::{Backend, Table, TripletRecord};
use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::{Attempt, Scratch, require, start_of_time};

/// Seconds that the first attempt of a triplet has to wait.
const DELAY: usize = 300;

/// Sender of all mail.
const SENDER: &str = "alice@sender.test";

/// An attempt of triplet number so and so, each from a client of its own: the
/// deferral names its number.
pub fn new(number: usize) -> Attempt {
    let client = client(number).to_string();
    Attempt::new(&client, "a.test", SENDER, &recipient(number)).at(0)
}

/// The same when it comes back: the header says how late, which is different
/// for each.
pub fn back(number: usize) -> Attempt {
    new(number).at((DELAY + number).try_into().expect("a number of seconds"))
}

fn client(number: usize) -> IpAddr {
    let address = 0x0a00_0000 + u32::try_from(number).expect("a small number");
    Ipv4Addr::from(address).into()
}

fn recipient(number: usize) -> String {
    format!("bob@n{number}.example")
}

/// The replies that clients have received: the triplets by number, with true if the mail
/// passed.
#[derive(Clone, Debug, Default)]
pub struct Acknowledged(BTreeMap<usize, bool>);

impl Acknowledged {
    /// Notes the replies that one packet holds. Those that promise nothing are
    /// passed over.
    pub fn note(&mut self, packet: &[u8]) {
        let text = String::from_utf8_lossy(packet);
        let replies = text.split("\n\n").filter_map(|reply| {
            let deferral = reply.strip_prefix("action=DEFER_IF_PERMIT ");
            let header = reply.strip_prefix("action=PREPEND X-Greylist: delayed ");
            match (deferral, header) {
                (Some(text), _) => Some((number_after(text, "help/n"), false)),
                (_, Some(text)) => Some((number_after(text, "") - DELAY, true)),
                _ => None,
            }
        });
        self.0.extend(replies);
    }

    /// How many triplets have been put off, and how many have passed since.
    pub fn count(&self) -> (usize, usize) {
        (self.0.len(), self.0.values().filter(|has_passed| **has_passed).count())
    }

    /// The numbers of those that a store does not know as well as their clients.
    pub fn missing_in(&self, store: &mut Store) -> Vec<usize> {
        let policy = Policy::default();
        let mut is_known = |number: usize, has_passed: bool| {
            let client = client(number);
            let recipient = recipient(number);
            let key = triplet::key(&policy, client, SENDER.as_bytes(), recipient.as_bytes());
            let mut read =
                |table, key: &[u8]| store.record(table, key).expect("a database that can be read");
            let seen = read(Table::Triplets, &key).and_then(Record::triplet);
            let passes = read(Table::Clients, &triplet::client_key(&policy, client));
            let passes = passes.and_then(Record::client);
            seen.is_some_and(|TripletRecord { first, last }| {
                let waited = last - first;
                first == start_of_time() && (!has_passed || waited >= DELAY as i64)
            }) && (!has_passed || passes.is_some_and(|passes| passes.count >= 1))
        };
        let acknowledged = self.0.iter();
        acknowledged
            .filter(|(number, passed)| !is_known(**number, **passed))
            .map(|acknowledged| *acknowledged.0)
            .collect()
    }
}

fn number_after(text: &str, mark: &str) -> usize {
    let start = text.find(mark).expect("a reply of the test's making") + mark.len();
    let digits = text[start..].bytes().take_while(u8::is_ascii_digit).count();
    text[start..start + digits].parse().expect("a number")
}

/// The directory of the files after a power failure.
pub struct Remains {
    scratch: Scratch,
}

impl Remains {
    pub fn new() -> Remains {
        require("/usr/bin/mdb_stat", "lmdb-utils");
        Remains { scratch: Scratch::new() }
    }

    fn file(&self) -> PathBuf {
        self.scratch.path().join(FILE_NAME)
    }

    /// Leaves a database there, and a journal if there is one.
    pub fn leave(&self, database: &[u8], journal: Option<&[u8]>) {
        fs::write(self.file(), database).expect("a file");
        let path = self.scratch.path().join("postgrey.journal");
        match journal {
            Some(journal) => fs::write(path, journal).expect("a file"),
            None => drop(fs::remove_file(path)),
        }
    }

    /// Opens it as the daemon does.
    pub fn open(&self) -> Store {
        let notes = Metadata::of(&Policy::default());
        let store = Store::open(self.scratch.path(), notes);
        let mut store = store.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(store.check(), <[String; 0]>::default(), "a power failure is no damage");
        store
    }

    /// Holds it to LMDB's own idea of a sound file: all of it can be read, and
    /// each page has exactly one use.
    pub fn assert_sound(&self) {
        let dump = output_of("mdb_dump", &["-n", "-a"], &self.file());
        assert!(dump.ends_with("DATA=END\n") || dump.is_empty(), "{dump}");
        let status = output_of("mdb_stat", &["-n", "-e", "-f", "-a"], &self.file());
        let (mut used, mut found) = (0, 2);
        for line in status.lines() {
            let Some((name, value)) = line.trim().split_once(": ") else { continue };
            match name {
                "Number of pages used" => used = value.parse().expect("a number"),
                "Branch pages" | "Leaf pages" | "Overflow pages" | "Free pages" => {
                    found += value.parse::<usize>().expect("a number");
                }
                _ => {}
            }
        }
        assert_eq!(found, used, "pages are lost or used twice:\n{status}");
    }

    /// Goes on with it: new rows in several commits, which use free pages again.
    pub fn go_on(&self, store: &mut Store) {
        for commit in 0..5 {
            let edits = (0..10).map(|row| {
                let key = format!("192.0.2.{commit}/after@the.test/{row}@power.failure");
                let record = TripletRecord { first: 1, last: 1 };
                Edit::merge(key.as_bytes(), Record::Triplet(record))
            });
            store.edit(&Policy::default(), edits.collect(), 0).expect("an append");
            store.flush().expect("a sweep");
        }
    }
}

fn output_of(program: &str, arguments: &[&str], file: &Path) -> String {
    let mut command = Command::new(program);
    let output = command.args(arguments).arg(file).output().expect("a program of lmdb-utils");
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).expect("ASCII")
}
