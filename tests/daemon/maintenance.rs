//! Expiry when the clock jumps, and when the database is too large. What expires
//! when is tested in `state` and compat/maintenance.rs.

use nix::sys::signal::Signal;
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
        let builder = Daemon::builder(Program::Ours);
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

    /// The names of the recipients, sorted.
    fn triplets(&self) -> Vec<String> {
        let list = self.daemon.tool("list").out;
        let names = list.lines().filter_map(|line| line.strip_suffix("@example.org"));
        let names = names.map(|line| line.rsplit(' ').next().expect("a word").to_owned());
        let mut names: Vec<_> = names.collect();
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

/// Attempts of a burst: more than the buffer of the journal holds, so that LMDB has
/// most of them, and 2.5 MiB.
const BURST: usize = 9000;

/// Entries that `--max-size=1` leaves of a burst, at most.
const MAX_LEFT: usize = 5000;

/// Sends attempts with long addresses, each of another triplet.
fn send_burst(site: &Site, name: &str, address: &str, count: usize, moment: i64) {
    let mut client = site.daemon.client();
    let bytes = |number: usize| {
        let sender = format!("{}{number}@sender.test", "x".repeat(200));
        let attempt = Attempt::new(address, "a.test", &sender, &format!("{name}@example.org"));
        attempt.at(moment).bytes()
    };
    let numbers: Vec<usize> = (0..count).collect();
    for numbers in numbers.chunks(50) {
        client.send(&numbers.iter().copied().flat_map(bytes).collect::<Vec<_>>());
        for _ in numbers {
            client.reply().expect("a reply");
        }
    }
}

#[test]
fn oldest_waiting_triplets_are_deleted_when_the_database_is_too_large() {
    let mut site = Site::start(&["--max-size=1"]);
    let now = HOUR + HOUR / 2;
    site.pass("passed", 2, DELAY);
    send_burst(&site, "old", "192.0.2.1", BURST, 0);
    // The clients of new mail come first in the order of keys.
    send_burst(&site, "new", "10.0.0.1", 10, now);
    site.let_pass(now);
    let wait_until_few_are_left = |what: &str, kept: &[(&str, usize)]| {
        wait_until(what, || {
            let left = site.triplets();
            for (name, count) in kept {
                let found = left.iter().filter(|left| left == name).count();
                assert_eq!(found, *count, "{name} stays");
            }
            left.len() < MAX_LEFT
        });
    };
    wait_until_few_are_left("the deletion", &[("new", 10), ("passed", 1)]);
    // More bursts, all of the moment that the clock shows: none is older than another.
    for name in ["again", "third"] {
        send_burst(&site, name, "192.0.2.1", BURST, now);
        wait_until_few_are_left(name, &[("passed", 1)]);
    }
    assert_eq!(site.daemon.lines_with("exceeds --max-size").len(), 1);
}
