//! The same mail has the same result and leaves the same rows, whether it comes
//! through the filter or through the policy protocol.

use super::option;
use crate::rows::{KEEPING, STEPS, rows};
use std::time::Duration;
use testkit::opensmtpd::Filter;
use testkit::random::{Random, seed};
use testkit::{Attempt, Clock, Daemon, Program};

/// Clients as the filter and as the policy protocol learn of them.
const CLIENTS: [(&str, &str, &str); 7] = [
    ("mx.a.test|pass|192.0.2.1:4321", "mx.a.test", "192.0.2.1"),
    ("mx.a.test|pass|192.0.2.2:4321", "mx.a.test", "192.0.2.2"),
    ("mx.friend.test|fail|198.51.100.1:4321", "unknown", "198.51.100.1"),
    ("<unknown>|error|198.51.100.2:4321", "unknown", "198.51.100.2"),
    ("mx.b.test|pass|[2001:db8::1]:4321", "mx.b.test", "2001:db8::1"),
    ("mx.friend.test|pass|203.0.113.1:4321", "mx.friend.test", "203.0.113.1"),
    ("localhost|pass|unix:/run/smtpd.sock", "", ""),
];

/// Senders and recipients, as they stand in SMTP and in the policy protocol.
const SENDERS: [(&str, &str); 4] = [
    ("alice@a.test", "alice@a.test"),
    ("", ""),
    ("list+7-99@a.test", "list+7-99@a.test"),
    ("\"al ice\"@a.test", "al ice@a.test"),
];
const RECIPIENTS: [(&str, &str); 4] = [
    ("bob@example.org", "bob@example.org"),
    ("Bob@Example.ORG", "Bob@Example.ORG"),
    ("\"bo b\"@example.org", "bo b@example.org"),
    ("a|b@example.org", "a|b@example.org"),
];

fn site() -> (Daemon, Clock) {
    let builder = Daemon::builder(Program::Ours).whitelist_clients("friend.test\n");
    let (builder, clock) = Clock::of(builder);
    (builder.args(KEEPING).start(), clock)
}

/// The reply of the filter that belongs to a reply of the policy protocol.
fn expected(reply: &str) -> String {
    match reply.split_once(' ') {
        None | Some(("PREPEND", _)) => "proceed".to_string(),
        Some((_, text)) => format!("reject|451 4.7.1 {text}"),
    }
}

#[test]
fn the_same_mail_has_the_same_result_and_leaves_the_same_rows() {
    let seed = seed();
    for version in ["0.5", "0.6", "0.7"] {
        compare(version, &mut Random::of(seed), seed);
    }
}

fn compare(version: &'static str, random: &mut Random, seed: u64) {
    let ((asked, mut asked_clock), (filtered, mut filtered_clock)) = (site(), site());
    let mut client = asked.client();
    let mut filter = Filter::start(version, &[&option(filtered.listener()), "--header"]);
    let mut token = 0;
    for session in 1..150 {
        let (link, name, address) = CLIENTS[random.below(CLIENTS.len())];
        filter.report(session, "link-connect", &format!("{link}|203.0.113.9:25"));
        let is_exempt = random.one_in(10) || address.is_empty();
        if is_exempt {
            filter.login(session);
        }
        for message in 0..=random.below(2) {
            let (sender, plain_sender) = SENDERS[random.below(SENDERS.len())];
            filter.sender(session, sender);
            for _ in 0..=random.below(3) {
                let step = Duration::from_secs(STEPS[random.below(STEPS.len())]);
                [&mut asked_clock, &mut filtered_clock]
                    .into_iter()
                    .for_each(|clock| clock.advance(step));
                let (recipient, plain) = RECIPIENTS[random.below(RECIPIENTS.len())];
                token += 1;
                let result = filter.decide(session, token, recipient);
                let instance = format!("{session}.{message}");
                let attempt = Attempt::new(address, name, plain_sender, plain);
                let reply = match is_exempt {
                    true => "DUNNO".to_string(),
                    false => client.ask(&attempt.with("instance", instance)),
                };
                let expected = expected(&reply);
                assert_eq!(result, expected, "seed {seed}, {version}: {link} {sender} {recipient}");
            }
            filter.report(session, "tx-reset", &format!("{session:08x}"));
        }
        filter.report(session, "link-disconnect", "");
    }
    assert!(filter.close().success());
    let rows = [asked, filtered].map(|daemon| rows(&daemon.stop().scratch.dbdir()));
    assert!(rows[0].len() > 10, "seed {seed}: {rows:#?}");
    assert_eq!(rows[0], rows[1], "seed {seed}, {version}");
}
