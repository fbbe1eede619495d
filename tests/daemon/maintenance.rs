//! Expiry: old records are deleted to the second, and this is logged at most once
//! a day. The rules are in BEHAVIOUR G; the clocks are the test's.

use nix::sys::signal::Signal;
use postgrey::state::Inspect;
use postgrey::state::Table;
use postgrey::state::local::Reader;
use std::path::Path;
use std::time::Duration;
use testkit::{Attempt, Builder, Clock, Daemon, Program, Stopped, wait_until};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Seconds that a triplet has to wait.
const DELAY: i64 = 300;

/// A server that forgets within a day what passed, and within two hours what
/// did not come back.
struct Site {
    daemon: Daemon,
    clock: Clock,
}

impl Site {
    fn start(options: &[&str]) -> Site {
        Site::of(Daemon::builder(Program::under_test()), options)
    }

    fn of(builder: Builder, options: &[&str]) -> Site {
        let builder = builder.arg("--max-age=1").arg("--retry-window=2h");
        let builder = builder.args(options);
        let (builder, clock) = Clock::of(builder);
        Site { daemon: builder.start(), clock }
    }

    /// Tries to deliver a mail at a moment. Its name becomes its recipient, and
    /// its number the client's.
    fn attempt(&self, name: &str, number: u8, moment: i64) -> String {
        let (client, recipient) = (format!("192.0.2.{number}"), format!("{name}@example.org"));
        let attempt = Attempt::new(&client, "a.test", "alice@sender.test", &recipient);
        self.daemon.client().ask(&attempt.at(moment))
    }

    /// Has a mail pass at a moment, after it has waited as long as it must.
    fn pass(&self, name: &str, number: u8, moment: i64) {
        self.attempt(name, number, moment - DELAY);
        assert!(self.attempt(name, number, moment).starts_with("PREPEND "));
    }

    /// Lets an hour or more go by, and clean-up begin.
    fn let_pass(&mut self, seconds: i64) {
        self.clock.advance(Duration::from_secs(seconds.try_into().expect("the future")));
        // The first line comes before the look that is due, the second after.
        for _ in 0..2 {
            let lines = self.daemon.log().len();
            self.daemon.signal(Signal::SIGUSR1);
            wait_until("statistics", || self.daemon.log().len() > lines);
        }
    }

    fn triplets(&self) -> Vec<String> {
        triplets(&self.daemon.dbdir())
    }

    /// Waits until only these triplets are left.
    fn assert_left(&self, names: &[&str]) {
        let mut seen = Vec::new();
        wait_until(&format!("{names:?} alone"), || {
            seen = self.triplets();
            seen == names
        });
    }

    fn stop(self) -> (Stopped, Vec<String>, Vec<String>) {
        let stopped = self.daemon.stop();
        let news = stopped.log.iter().filter(|line| line.starts_with("cleaning ")).cloned();
        let news = news.collect();
        let clients = clients(&stopped.dbdir());
        (stopped, news, clients)
    }
}

/// The keys of a table, in order; there are fewer than a slice has.
fn keys(dbdir: &Path, table: Table) -> Vec<String> {
    let read = Reader::open(dbdir).and_then(|mut reader| reader.slice(table, b"", None));
    let rows = read.expect("a database").rows.into_iter();
    rows.map(|(key, _)| String::from_utf8(key).expect("a key in ASCII")).collect()
}

fn triplets(dbdir: &Path) -> Vec<String> {
    let name = |key: String| {
        let recipient = key.rsplit('/').next().expect("a recipient");
        recipient.trim_end_matches("@example.org").to_string()
    };
    let mut names: Vec<_> = keys(dbdir, Table::Triplets).into_iter().map(name).collect();
    names.sort();
    names
}

fn clients(dbdir: &Path) -> Vec<String> {
    keys(dbdir, Table::Clients)
}

#[test]
fn expiry_is_exact_to_the_second() {
    let mut site = Site::start(&[]);
    let now = HOUR;
    site.pass("passed-a-day-ago", 1, now - DAY);
    site.pass("passed-longer-ago", 2, now - DAY - 1);
    site.pass("passed-long-ago-and-came-back", 3, now - 2 * DAY);
    site.attempt("passed-long-ago-and-came-back", 3, now);
    site.attempt("new-two-hours-ago", 4, now - 2 * HOUR);
    site.attempt("new-longer-ago", 5, now - 2 * HOUR - 1);
    site.attempt("came-early-two-hours-ago", 6, now - 2 * HOUR - DELAY + 1);
    site.attempt("came-early-two-hours-ago", 6, now - 2 * HOUR);
    site.attempt("in-the-future", 7, now + DAY);

    site.let_pass(HOUR);
    site.assert_left(&[
        "came-early-two-hours-ago",
        "in-the-future",
        "new-two-hours-ago",
        "passed-a-day-ago",
        "passed-long-ago-and-came-back",
    ]);
    let (_stopped, news, clients) = site.stop();
    assert_eq!(clients, ["192.0.2.1"], "each counted when it passed first");
    assert_eq!(
        news,
        [
            "cleaning up old entries...",
            "cleaning main database finished. before: 7, after: 5",
            "cleaning clients database finished. before: 3, after: 1",
        ]
    );
}

#[test]
fn the_daily_log_line_sums_all_deletions() {
    let mut site = Site::start(&[]);
    for (name, moment) in [("first", -HOUR - 1), ("second", -1), ("third", DAY - 1)] {
        site.attempt(name, 1, moment);
    }
    site.let_pass(HOUR);
    site.assert_left(&["second", "third"]);
    site.let_pass(HOUR);
    site.assert_left(&["third"]);
    site.attempt("last", 1, DAY + HOUR);
    site.let_pass(HOUR);
    site.let_pass(DAY - HOUR);
    site.assert_left(&["last"]);
    site.let_pass(HOUR);
    let (_stopped, news, _) = site.stop();
    assert_eq!(
        news,
        [
            "cleaning up old entries...",
            "cleaning main database finished. before: 3, after: 2",
            "cleaning clients database finished. before: 0, after: 0",
            "cleaning up old entries...",
            "cleaning main database finished. before: 3, after: 1",
            "cleaning clients database finished. before: 0, after: 0",
        ]
    );
}

#[test]
fn a_verbose_log_has_each_deletion() {
    let mut site = Site::start(&["--verbose"]);
    for (name, moment) in [("first", -HOUR - 1), ("second", -1), ("last", DAY)] {
        site.attempt(name, 1, moment);
    }
    site.let_pass(HOUR);
    site.assert_left(&["last", "second"]);
    site.let_pass(HOUR);
    site.assert_left(&["last"]);
    site.let_pass(HOUR);
    let (_stopped, news, _) = site.stop();
    assert_eq!(
        news,
        [
            "cleaning up old entries...",
            "cleaning main database finished. before: 3, after: 2",
            "cleaning clients database finished. before: 0, after: 0",
            "cleaning up old entries...",
            "cleaning main database finished. before: 2, after: 1",
            "cleaning clients database finished. before: 0, after: 0",
        ]
    );
}

#[test]
fn without_an_auto_whitelist_clients_are_left_alone() {
    let site = Site::start(&[]);
    site.pass("long-ago", 1, -2 * DAY);
    let (stopped, _, _) = site.stop();
    let again = stopped.again(Program::under_test());
    let mut site = Site::of(again, &["--auto-whitelist-clients=0"]);
    site.let_pass(HOUR);
    site.assert_left(&[]);
    let (_stopped, news, clients) = site.stop();
    assert_eq!(clients, ["192.0.2.1"]);
    assert_eq!(
        news,
        ["cleaning up old entries...", "cleaning main database finished. before: 1, after: 0"]
    );
}

#[test]
fn a_clock_that_jumps_forward_deletes_nothing_until_it_has_been_steady_for_an_hour() {
    let mut site = Site::start(&[]);
    site.pass("kept", 1, 0);
    site.let_pass(HOUR);
    let jumps = |site: &Site| {
        let log = site.daemon.log();
        log.iter().filter(|line| line.contains("the clock jumped forward")).count()
    };
    // Ten years for half a minute.
    site.clock.jump(3650 * DAY);
    site.let_pass(HOUR);
    wait_until("the line about the jump", || jumps(&site) == 1);
    site.clock.jump(-3650 * DAY);
    site.let_pass(120);
    let is_steady = |line: &String| line.contains("the clock is steady again");
    wait_until("the line about the return", || site.daemon.log().iter().any(is_steady));
    assert_eq!(site.triplets(), ["kept"]);
    // A clock that was wrong before and is right now.
    site.clock.jump(2 * DAY);
    site.let_pass(HOUR);
    wait_until("the line about the jump", || jumps(&site) == 2);
    assert_eq!(site.triplets(), ["kept"]);
    site.let_pass(HOUR);
    site.assert_left(&[]);
}

#[test]
fn oldest_waiting_triplets_are_deleted_when_the_database_is_too_large() {
    // More than the buffer of the journal holds, so that LMDB has them.
    const OLD: usize = 9000;
    let mut site = Site::start(&["--max-size=1"]);
    let mut client = site.daemon.client();
    // The clients of new mail come first in the order of keys.
    let mut send = |name: &str, address: &str, number: usize, moment: i64| {
        let sender = format!("{}{number}@sender.test", "x".repeat(200));
        let attempt = Attempt::new(address, "a.test", &sender, &format!("{name}@example.org"));
        client.ask(&attempt.at(moment));
    };
    for number in 0..OLD {
        send("old", "192.0.2.1", number, 0);
    }
    for number in 0..10 {
        send("new", "10.0.0.1", number, HOUR + HOUR / 2);
    }
    site.let_pass(HOUR + HOUR / 2);
    let is_warning = |line: &&String| line.contains("exceeds --max-size");
    wait_until("the deletion", || {
        let left = site.triplets();
        let news = left.iter().filter(|name| *name == "new").count();
        assert_eq!(news, 10, "newer triplets stay");
        left.len() == 10
    });
    assert_eq!(site.daemon.log().iter().filter(is_warning).count(), 1);
}
