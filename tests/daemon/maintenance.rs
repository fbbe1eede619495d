//! Expiry when the clock jumps, and when the database is too large. What expires
//! when is tested in `state` and compat/maintenance.rs.

use nix::sys::signal::Signal;
use postgrey::state::local::Reader;
use postgrey::state::{Inspect, Table};
use std::time::Duration;
use testkit::{Attempt, Clock, Daemon, Program, wait_until};

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
        let builder = Daemon::builder(Program::under_test());
        let builder = builder.args(["--max-age=1", "--retry-window=2h"]).args(options);
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

    /// The recipients' names, sorted; there are fewer than a slice has.
    fn triplets(&self) -> Vec<String> {
        let mut reader = Reader::open(&self.daemon.dbdir()).expect("a database");
        let rows = reader.slice(Table::Triplets, b"", None).expect("a slice").rows;
        let name = |(key, _): (Vec<u8>, _)| {
            let key = String::from_utf8(key).expect("a key in ASCII");
            let recipient = key.rsplit('/').next().expect("a recipient");
            recipient.trim_end_matches("@example.org").to_string()
        };
        let mut names: Vec<_> = rows.into_iter().map(name).collect();
        names.sort();
        names
    }

    /// Waits until only these triplets are left.
    fn assert_left(&self, names: &[&str]) {
        let mut seen = Vec::new();
        wait_until(&format!("{names:?} alone"), || {
            seen = self.triplets();
            seen == names
        });
    }
}

#[test]
fn nothing_expires_for_an_hour_after_a_clock_jump() {
    let mut site = Site::start(&[]);
    site.pass("kept", 1, 0);
    site.let_pass(HOUR);
    let jumps = |site: &Site| site.daemon.lines_with("the clock jumped forward").len();
    // Ten years for half a minute.
    site.clock.jump(3650 * DAY);
    site.let_pass(HOUR);
    wait_until("the line about the jump", || jumps(&site) == 1);
    site.clock.jump(-3650 * DAY);
    site.let_pass(120);
    site.daemon.wait_for_line("the clock is steady again");
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
    wait_until("the deletion", || {
        let left = site.triplets();
        let news = left.iter().filter(|name| *name == "new").count();
        assert_eq!(news, 10, "newer triplets stay");
        left.len() == 10
    });
    assert_eq!(site.daemon.lines_with("exceeds --max-size").len(), 1);
}
