//! A random stream of requests, spread over two hosts with one state, against the
//! original on one host.

use std::path::Path;
use testkit::random::{Random, cases, seed};
use testkit::redis::{Engine, Server, host};
use testkit::{Attempt, Daemon, Program, skip};

/// Requests of one case; `POSTGREY_RANDOM_CASES=10` asks for 20,000.
const REQUESTS: usize = 2000;

/// A request that others resemble, at a time in seconds.
fn request(random: &mut Random, now: i64) -> Attempt {
    let client = format!("192.0.{}.{}", random.below(12), random.below(3));
    let sender = ["a@example.net", "b+tag@example.net", "list-17@example.org", "", "C@Example.net"];
    let sender = sender[random.below(sender.len())];
    let recipient = format!("r{}@example.com", random.below(8));
    Attempt::new(&client, "mail.example.net", sender, &recipient).at(now)
}

/// The next time: mostly the same retries as real servers make.
fn later(random: &mut Random, now: i64) -> i64 {
    now + match random.below(20) {
        0 => 3600 + random.below(7200) as i64,
        1..=4 => 200 + random.below(400) as i64,
        _ => random.below(60) as i64,
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the seed belongs to the result")]
fn two_hosts_decide_as_the_original_does_on_one() {
    testkit::needs!(testkit::root_for("the original, which gives its socket away"));
    if !Path::new("/usr/sbin/postgrey").exists() {
        skip("two hosts against the original: apt-get install postgrey");
        return;
    }
    let Some(server) = Server::start(Engine::Redis, &[]) else { return };
    let (seed, number) = (seed(), cases(1) * REQUESTS);
    println!("seed {seed}, {number} requests");
    let hosts = [(), ()].map(|()| host(&server.url()).start());
    let original = Daemon::builder(Program::Theirs).arg("--hostname=mx.test.example").start();
    let mut ours = hosts.each_ref().map(Daemon::client);
    let mut theirs = original.client();
    let (mut random, mut now) = (Random::of(seed), 1000);
    for count in 0..number {
        now = later(&mut random, now);
        let attempt = request(&mut random, now);
        let expected = normalised(&theirs.ask(&attempt));
        let host = random.below(2);
        let reply = normalised(&ours[host].ask(&attempt));
        assert_eq!(reply, expected, "seed {seed}, request {count} on host {host}: {attempt:?}");
    }
}

/// A reply without the version, and without the date of a header.
fn normalised(reply: &str) -> String {
    let reply = reply.split("; ").next().unwrap_or_default();
    reply.replace(Program::Ours.signature(), "V").replace(Program::Theirs.signature(), "V")
}
