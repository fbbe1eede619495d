//! Signals of a running daemon: HUP and USR1, alone and in bursts.

use crate::life::manager::Manager;
use nix::sys::signal::Signal;
use std::fs;
use std::path::PathBuf;
use testkit::{Attempt, Client, Daemon, Program, wait_for, wait_until};

fn attempt(name: &str) -> Attempt {
    Attempt::new("192.0.2.1", name, "alice@sender.test", "bob@example.org")
}

fn is_listed(client: &mut Client, name: &str) -> bool {
    let reply = client.ask(&attempt(name).at(0));
    assert!(reply == "DUNNO" || reply.starts_with("DEFER_IF_PERMIT "), "{reply}");
    reply == "DUNNO"
}

fn list(daemon: &Daemon) -> PathBuf {
    daemon.scratch().path().join("whitelist_clients")
}

/// Were the lists read between two turns of the loop, no reply could come
/// between RELOADING and READY.
#[test]
fn replies_do_not_wait_for_a_list_of_100_000_lines() {
    let lines = (0..100_000).map(|number| match number % 100 {
        0 => format!("/^mx{number}[0-9a-f]+\\.example\\.net$/\n"),
        1..=10 => format!("10.{}.{}.0/24\n", number / 256 % 256, number % 256),
        _ => format!("host{number}.example.com\n"),
    });
    let text: String = lines.collect();
    let builder = Daemon::builder(Program::Ours).whitelist_clients("listed.test\n");
    let (manager, builder) = Manager::of(builder);
    let daemon = builder.start();
    assert_eq!(manager.next(), ["READY"]);
    let mut client = daemon.client();
    assert!(is_listed(&mut client, "listed.test"));
    fs::write(list(&daemon), text + "listed.test\n").expect("the list");
    for _ in 0..2 {
        daemon.signal(Signal::SIGHUP);
        assert_eq!(manager.next(), ["RELOADING", "MONOTONIC_USEC"]);
        let mut replies = 0;
        let message = wait_for("the new lists", || {
            assert!(is_listed(&mut client, "listed.test"));
            replies += 1;
            manager.peek()
        });
        assert_eq!(message, ["READY"]);
        assert!(replies > 10, "{replies} replies");
    }
    let mut client = daemon.client();
    assert!(is_listed(&mut client, "host99999.example.com"));
    assert!(is_listed(&mut client, "mx99900a1.example.net"));
}

#[test]
fn the_last_signal_of_a_burst_is_not_missed() {
    let daemon = Daemon::builder(Program::Ours).start();
    let statistics = || {
        let log = daemon.log();
        log.iter().filter(|line| line.starts_with("statistics: ")).count()
    };
    for burst in 1..100 {
        let before = statistics();
        for _ in 0..burst % 7 {
            daemon.signal(Signal::SIGUSR1);
            daemon.signal(Signal::SIGHUP);
        }
        // Signals of one kind that come together may be handled as one, but the last
        // one is handled without waiting for a client.
        fs::write(list(&daemon), format!("b{burst}.test\n")).expect("the list");
        daemon.signal(Signal::SIGHUP);
        daemon.signal(Signal::SIGUSR1);
        wait_until("counters", || statistics() > before);
    }
    let mut client = daemon.client();
    wait_until("the last list", || is_listed(&mut client, "b99.test"));
    for _ in 0..500 {
        daemon.signal(Signal::SIGUSR1);
        daemon.signal(Signal::SIGHUP);
    }
    assert_eq!(daemon.stop().status.code(), Some(0));
}
