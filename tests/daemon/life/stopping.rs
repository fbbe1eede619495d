//! The end: everything that was read is answered and on disk, no file is left,
//! and the status is zero.

use crate::life::background::assert_nothing_is_left;
use nix::sys::signal::Signal;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use testkit::{Attempt, Client, Daemon, Listener, Program};

const ENDS: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT];

fn attempt(recipient: &str) -> Attempt {
    Attempt::new("192.0.2.1", "a.test", "alice@sender.test", &format!("{recipient}@example.org"))
}

/// Asks about one new triplet after the other until the server ends; returns
/// those that were answered.
fn flood(listener: &Listener, name: String) -> Receiver<Attempt> {
    let (acknowledged, triplets) = channel();
    let mut client = listener.connect().expect("a server that listens");
    thread::spawn(move || {
        for number in 0.. {
            let triplet = attempt(&format!("{name}n{number}"));
            match client.try_to_ask(&triplet.clone().at(0)) {
                Some(reply) => assert!(reply.starts_with("DEFER_IF_PERMIT "), "{reply}"),
                None => return,
            }
            if acknowledged.send(triplet).is_err() {
                return;
            }
        }
    });
    triplets
}

#[test]
fn idle_flooding_and_stalled_clients_do_not_delay_the_stop() {
    for signal in ENDS {
        let daemon = Daemon::builder(Program::Ours).start();
        let idle: Vec<Client> = (0..20).map(|_| daemon.client()).collect();
        let mut half: Vec<Client> = (0..20).map(|_| daemon.client()).collect();
        for client in &mut half {
            client.send(b"request=smtpd_access_policy\nclient_addr");
        }
        let floods: Vec<_> =
            (0..8).map(|number| flood(daemon.listener(), format!("flood{number}"))).collect();
        let mut acknowledged: Vec<Attempt> =
            floods.iter().flat_map(|triplets| triplets.iter().take(20)).collect();
        let stopped = daemon.end_by(signal);
        assert_eq!(stopped.status.code(), Some(0), "{signal}");
        assert_nothing_is_left(&stopped.scratch);
        let last = stopped.log.last().expect("a last line");
        assert!(last.ends_with(" Server closing!"), "{last}");
        for mut client in half.into_iter().chain(idle) {
            assert_eq!(client.reply(), None);
        }
        // The receivers end with the floods' own end.
        acknowledged.extend(floods.into_iter().flatten());
        let daemon = stopped.again(Program::Ours).start();
        let mut client = daemon.client();
        for triplet in &acknowledged {
            let reply = client.ask(&triplet.clone().at(300));
            assert!(reply.starts_with("PREPEND "), "{reply} to {triplet:?}");
        }
    }
}

/// Each client's requests go out in one write that one read takes: either all
/// of them were read or none.
#[test]
fn all_requests_that_were_read_are_answered_before_the_end() {
    const CLIENTS: usize = 300;
    const REQUESTS: usize = 20;
    for signal in ENDS {
        let daemon = Daemon::builder(Program::Ours).start();
        let mut clients: Vec<Client> = (0..CLIENTS).map(|_| daemon.client()).collect();
        // All have been accepted when the last is answered.
        clients[CLIENTS - 1].ask(&attempt("first").at(0));
        daemon.signal(Signal::SIGSTOP);
        for (number, client) in clients.iter_mut().enumerate() {
            let request = |n| attempt(&format!("c{number}n{n}")).at(0).bytes();
            let burst = (0..REQUESTS).flat_map(request).collect::<Vec<u8>>();
            assert!(burst.len() < 4096, "more than one read");
            client.send(&burst);
        }
        daemon.signal(signal);
        daemon.signal(Signal::SIGCONT);
        let stopped = daemon.end();
        assert_eq!(stopped.status.code(), Some(0), "{signal}");
        let mut answered = 0;
        for client in &mut clients {
            let replies = std::iter::from_fn(|| client.reply()).count();
            assert!([0, REQUESTS].contains(&replies), "{replies} replies, then the end");
            answered += usize::from(replies > 0);
        }
        assert!(answered > 0, "nobody had a last turn");
    }
}

/// Replies wait in the daemon when a client does not read them. One that reads
/// when the end comes gets all of them.
#[test]
fn buffered_replies_are_sent_before_the_end() {
    const BURSTS: usize = 230;
    const REQUESTS: usize = 30;
    let daemon = Daemon::builder(Program::Ours).whitelist_clients("a.test\n").start();
    let (mut slow, mut other) = (daemon.client(), daemon.client());
    // More replies than the system keeps for a socket (about 170 bursts of
    // them), less than those at which the daemon ceases to read (another 150).
    let burst = attempt("slow").at(0).bytes().repeat(REQUESTS);
    for _ in 0..BURSTS {
        slow.send(&burst);
        // Each turn of this one is a turn of the other.
        other.ask(&attempt("other").at(0));
    }
    for _ in 0..BURSTS {
        other.ask(&attempt("other").at(0));
    }
    daemon.signal(Signal::SIGSTOP);
    daemon.signal(Signal::SIGTERM);
    let reader = thread::spawn(move || std::iter::from_fn(|| slow.reply()).count());
    daemon.signal(Signal::SIGCONT);
    assert_eq!(daemon.end().status.code(), Some(0));
    assert_eq!(reader.join().expect("whole replies"), BURSTS * REQUESTS);
}
