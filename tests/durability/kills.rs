//! Acknowledged records survive the server: `kill -9` under load, repeatedly on
//! one database. Only replies that arrived count; requests in progress may be
//! recorded or not.
//!
//! `POSTGREY_KILLS` says how often, `POSTGREY_SEED` repeats the moments.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use testkit::random::{self, Random};
use testkit::{Attempt, Client, Daemon, Listener, Program};

const CONNECTIONS: usize = 8;

/// A triplet, and the last thing that its client heard about it.
struct Acknowledged {
    triplet: Attempt,
    news: News,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum News {
    /// It was seen for the first time and put off.
    Deferred,
    /// It came back after the delay and passed, with the header.
    Passed,
}

#[test]
#[allow(clippy::print_stderr, reason = "repeats a failure")]
fn acknowledged_records_survive_kill_9_under_load() {
    let program = Program::under_test();
    let kills =
        std::env::var("POSTGREY_KILLS").map_or(30, |kills| kills.parse().expect("a number"));
    let seed = random::seed();
    eprintln!("POSTGREY_SEED={seed}");
    let mut random = Random::of(seed);
    let mut all: Vec<Acknowledged> = Vec::new();
    let mut daemon = Daemon::builder(program).start();
    for kill in 0..kills {
        let load = Load::start(daemon.listener(), kill);
        let enough = 20 + random.below(300);
        let mut acknowledged: Vec<Acknowledged> = load.answers.iter().take(enough).collect();
        assert_eq!(acknowledged.len(), enough, "the server ended by itself");
        // Not always right after a reply: at any point of its work.
        thread::sleep(Duration::from_micros(random.below(3000) as u64));
        let stopped = daemon.kill();
        acknowledged.extend(load.rest());
        daemon = stopped.again(program).start();
        assert_nothing_is_wrong(&daemon);
        assert_remembered(&daemon, program, &acknowledged);
        all.extend(acknowledged);
    }
    for news in [News::Deferred, News::Passed] {
        let number = all.iter().filter(|acknowledged| acknowledged.news == news).count();
        assert!(number >= kills, "only {number} triplets of one kind");
    }
    assert_passed_before(&daemon, &all);
    eprintln!("{kills} kills, {} triplets, none lost", all.len());
}

/// Several connections that ask about new triplets until the server dies.
struct Load {
    answers: Receiver<Acknowledged>,
    connections: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(listener: &Listener, kill: usize) -> Load {
        let (answered, answers) = channel();
        let connection = |number: usize| {
            let client = listener.connect().expect("a server that listens");
            let answered = answered.clone();
            let name = format!("kill{kill}connection{number}");
            let comes_back = number % 2 == 1;
            thread::spawn(move || ask_until_death(client, &name, comes_back, &answered))
        };
        let connections = (0..CONNECTIONS).map(connection).collect();
        Load { answers, connections }
    }

    fn rest(self) -> Vec<Acknowledged> {
        for connection in self.connections {
            connection.join().expect("only proper replies");
        }
        self.answers.into_iter().collect()
    }
}

/// One connection. When it comes back, every new triplet returns at once, five
/// minutes later by its own clock, and counts when it has passed.
fn ask_until_death(
    mut client: Client,
    name: &str,
    comes_back: bool,
    answered: &Sender<Acknowledged>,
) {
    for number in 0.. {
        let recipient = format!("{name}number{number}@example.org");
        let triplet = Attempt::to(&recipient);
        let Some(reply) = client.try_to_ask(&triplet.clone().at(0)) else {
            return;
        };
        assert!(reply.starts_with("DEFER_IF_PERMIT "), "{reply}");
        let mut news = News::Deferred;
        if comes_back {
            let Some(reply) = client.try_to_ask(&triplet.clone().at(300)) else {
                return;
            };
            assert!(reply.starts_with("PREPEND "), "{reply}");
            news = News::Passed;
        }
        let heard = answered.send(Acknowledged { triplet, news });
        heard.expect("a test that listens");
    }
}

/// A start after a kill is a start like any other: it has nothing to tell.
fn assert_nothing_is_wrong(daemon: &Daemon) {
    let log = daemon.log();
    let is_usual = |line: &&String| {
        ["starting!", "Binding to ", "Setting "].iter().any(|usual| line.contains(usual))
    };
    let unusual: Vec<_> = log.iter().filter(|line| !is_usual(line)).collect();
    assert!(unusual.is_empty(), "{unusual:?}");
}

/// A triplet that was put off passes after the delay, counted from before the
/// kill; one that passed gets no second header.
fn assert_remembered(daemon: &Daemon, program: Program, acknowledged: &[Acknowledged]) {
    let header = format!("PREPEND X-Greylist: delayed 300 seconds by {} ", program.signature());
    let mut client = daemon.client();
    for Acknowledged { triplet, news } in acknowledged {
        let reply = client.ask(&triplet.clone().at(300));
        match news {
            News::Deferred => assert!(reply.starts_with(&header), "{reply} to {triplet:?}"),
            News::Passed => assert_eq!(reply, "DUNNO", "to {triplet:?}"),
        }
    }
}

/// Every one of them has passed meanwhile, and nothing of that is lost.
fn assert_passed_before(daemon: &Daemon, acknowledged: &[Acknowledged]) {
    let mut client = daemon.client();
    for Acknowledged { triplet, .. } in acknowledged {
        let reply = client.ask(&triplet.clone().at(301));
        assert_eq!(reply, "DUNNO", "to {triplet:?}");
    }
}
