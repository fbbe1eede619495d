//! Two hosts with one state decide as one host would.

use std::collections::BTreeSet;
use std::thread;
use testkit::redis::{Engine, Server, host};
use testkit::{Attempt, Daemon};

const DEFERRED: &str =
    "DEFER_IF_PERMIT Greylisted, see http://postgrey.schweikert.ch/help/example.com.html";

fn attempt(client: &str, recipient: &str) -> Attempt {
    Attempt::new(client, "mail.example.net", "alice@example.net", recipient)
}

fn reasons(log: &[String], reason: &str) -> usize {
    log.iter().filter(|line| line.contains(&format!("reason={reason}"))).count()
}

/// Both hosts on a server of each kind.
fn on_each_engine(test: fn(&Server, [Daemon; 2])) {
    for engine in Engine::ALL {
        if let Some(server) = Server::start(engine, &[]) {
            let hosts = [(), ()].map(|()| host(&server.url()).start());
            test(&server, hosts);
        }
    }
}

#[test]
fn mail_passes_on_the_other_host_after_the_delay() {
    on_each_engine(|server, [one, other]| {
        let attempt = attempt("192.0.2.7", "bob@example.com");
        let (mut one, mut other) = (one.client(), other.client());
        assert_eq!(one.ask(&attempt.clone().at(1000)), DEFERRED);
        assert_eq!(other.ask(&attempt.clone().at(1299)), DEFERRED);
        let passed = other.ask(&attempt.clone().at(1301));
        assert!(passed.starts_with("PREPEND X-Greylist: delayed 301 seconds"), "{passed}");
        assert_eq!(one.ask(&attempt.at(1302)), "DUNNO");
        let age: i64 = server
            .ask(&["ttl", &name("192.0.2.0", "t", "192.0.2.0/alice@example.net/bob@example.com")])
            .parse()
            .unwrap();
        assert!((3_023_000..=3_024_001).contains(&age), "{age}");
    });
}

/// The name of a record.
fn name(tag: &str, kind: &str, key: &str) -> String {
    format!("postgrey:{{{tag}}}:{kind}:{key}")
}

#[test]
fn the_auto_whitelist_counts_passes_on_both_hosts() {
    on_each_engine(|server, hosts| {
        let mut clients = hosts.each_ref().map(Daemon::client);
        for mail in 0..5 {
            let attempt = attempt("192.0.2.7", &format!("r{mail}@example.com"));
            let start = 10_000 * (mail + 1);
            assert_eq!(clients[0].ask(&attempt.clone().at(start)), DEFERRED);
            let passed = clients[mail as usize % 2].ask(&attempt.at(start + 400));
            assert!(passed.starts_with("PREPEND"), "{passed}");
        }
        assert_eq!(server.records("*:c:*").len(), 1);
        assert!(server.records("*:c:*")[0].contains("=5,"), "{:?}", server.records("*:c:*"));
        for client in &mut clients {
            assert_eq!(client.ask(&attempt("192.0.2.7", "new@example.com").at(60_000)), "DUNNO");
        }
        let [one, other] = hosts.map(|host| host.stop().log);
        let whitelisted =
            |log: &[String]| log.iter().filter(|line| line.starts_with("whitelisted: ")).count();
        assert_eq!(whitelisted(&one) + whitelisted(&other), 1, "{one:#?}\n{other:#?}");
        assert_eq!(reasons(&one, "client AWL") + reasons(&other, "client AWL"), 2);
    });
}

#[test]
fn hammered_keys_have_one_first_attempt_and_lose_no_count() {
    const MAILS: usize = 40;
    on_each_engine(|server, hosts| {
        let mail = |number: usize, seconds| {
            attempt(&format!("192.0.{number}.7"), "bob@example.com").at(seconds)
        };
        // On each host several connections ask about the same mails, in other orders,
        // at times that differ by the host.
        let hammer = |from: i64| {
            thread::scope(|scope| {
                for worker in 0..8 {
                    let mut client = hosts[worker % 2].client();
                    scope.spawn(move || {
                        for step in 0..MAILS {
                            let number = (step * 7 + worker * 5) % MAILS;
                            client.ask(&mail(number, from + worker as i64 % 2));
                        }
                    });
                }
            });
        };
        hammer(1000);
        hammer(2000);
        let triplets = server.records("*:t:*");
        assert_eq!(triplets.len(), MAILS);
        let first = |record: &String| record.split(['=', ',']).nth(1).map(str::to_owned);
        let firsts: BTreeSet<_> = triplets.iter().map(first).collect();
        assert_eq!(firsts.len(), 1, "{triplets:#?}");
        let clients = server.records("*:c:*");
        assert_eq!(clients.len(), MAILS);
        assert!(clients.iter().all(|record| record.contains("=1,")), "{clients:#?}");
        let [one, other] = hosts.map(|host| host.stop().log);
        let passed = |log: &[String]| log.iter().filter(|line| line.contains(", delay=")).count();
        assert_eq!(passed(&one) + passed(&other), MAILS, "{one:#?}\n{other:#?}");
        let all = || one.iter().chain(&other);
        assert!(!all().any(|line| line.contains("shared state:") && line.contains("meanwhile")));
        assert!(!all().any(|line| line.contains("in the future")));
    });
}

#[test]
fn hosts_with_other_keys_refuse_to_start() {
    let Some(server) = Server::start(Engine::Redis, &[]) else { return };
    let _host = host(&server.url()).start();
    let stopped = host(&server.url()).arg("--lookup-by-host").fail_to_start();
    assert!(!stopped.status.success());
    let log = stopped.log.join("\n");
    assert!(log.contains("\"subnet,24,64\", not \"host\""), "{log}");
    // Other rules are no other keys.
    let other = host(&server.url()).arg("--delay=60").start();
    let mut client = other.client();
    assert_eq!(client.ask(&attempt("192.0.2.7", "bob@example.com").at(1000)), DEFERRED);
    assert_eq!(server.ask(&["hget", "postgrey:meta", "rules"]), "60,172800,3024000,5");
}

#[test]
fn stopping_waits_for_refreshes() {
    let Some(server) = Server::start(Engine::Redis, &[]) else { return };
    let attempt = attempt("192.0.2.7", "bob@example.com");
    for round in 1..20 {
        let host = host(&server.url()).start();
        let mut client = host.client();
        client.ask(&attempt.clone().at(1000 + round));
        host.stop();
        let record = &server.records("*:t:*")[0];
        let last: i64 = record.rsplit(',').next().expect("a number").parse().expect("a number");
        let first =
            record.rsplit(['=', ',']).nth(1).expect("a number").parse::<i64>().expect("a number");
        assert_eq!(last - first, round - 1, "{record}");
    }
}
