//! A pool of senders as a real Postfix meets it, with `--lookup-by-domain` and
//! `--auto-whitelist-by=domain`. Needs root, and the package postfix.

use super::instance::Postfix;
use crate::smtp::Envelope;
use std::time::Duration;
use testkit::{Clock, Daemon, Listener, Program};

/// A Postfix, the daemon that it asks, and the daemon's clock.
fn site(options: &[&str]) -> (Postfix, Daemon, Clock) {
    let builder = Daemon::builder(Program::Ours);
    let builder = builder.args(options);
    let (builder, clock) = Clock::of(builder);
    let daemon = builder.start();
    let Listener::Unix(path) = daemon.listener() else { unreachable!("no port was asked for") };
    (Postfix::start(&format!("unix:{}", path.display())), daemon, clock)
}

/// Mail from a machine of the pool, in a network of its own.
fn machine(address: &str, name: &str) -> Envelope {
    Envelope::from_client(address).named(name)
}

fn is_put_off(postfix: &Postfix, envelope: &Envelope) -> bool {
    let replies = postfix.offer(envelope);
    replies.iter().all(|reply| reply.starts_with("450 4.2.0 "))
}

fn let_the_delay_pass(clock: &mut Clock) {
    clock.advance(Duration::from_secs(300));
}

#[test]
fn the_retry_of_another_machine_of_the_domain_passes() {
    testkit::needs!(testkit::root_for("Postfix"));
    let (postfix, daemon, mut clock) = site(&["--lookup-by-domain"]);
    let first = machine("192.0.2.7", "mail-ab1.outbound.example.com");
    let retry = machine("198.51.100.7", "mail-cd2.outbound.example.com");
    let strangers = [
        machine("198.18.1.7", "mail.outbound.example.net"),
        machine("198.18.2.7", "198-18-2-7.dsl.example.com"),
        Envelope::from_client("198.18.3.7"),
    ];

    assert!(is_put_off(&postfix, &first));
    let_the_delay_pass(&mut clock);
    for stranger in &strangers {
        assert!(is_put_off(&postfix, stranger), "{stranger:?}");
    }
    let copies = postfix.deliver(&retry);
    assert!(copies[0].contains("X-Greylist: delayed "), "{copies:?}");
    let passed = "reason=triplet found, delay=";
    let retried = "client_name=mail-cd2.outbound.example.com, client_address=198.51.100.7";
    let log = daemon.log();
    assert!(log.iter().any(|line| line.contains(passed) && line.contains(retried)), "{log:?}");
}

#[test]
fn without_the_option_it_waits_once_more() {
    testkit::needs!(testkit::root_for("Postfix"));
    let (postfix, _daemon, mut clock) = site(&[]);
    assert!(is_put_off(&postfix, &machine("192.0.2.7", "mail-ab1.outbound.example.com")));
    let_the_delay_pass(&mut clock);
    assert!(is_put_off(&postfix, &machine("198.51.100.7", "mail-cd2.outbound.example.com")));
}

/// Five mails of a sender from a pool, each from a machine and a network of its
/// own and a day after the last, that wait and pass.
fn earn_trust(postfix: &Postfix, clock: &mut Clock, sender: &str) {
    for number in 1..=5 {
        let name = format!("mail-{number}.outbound.example.com");
        let mail = |address: &str| {
            let recipient = format!("reader{number}@example.org");
            machine(address, &name).sender(sender).recipients(&[&recipient])
        };
        let (first, retry) = (format!("192.0.{number}.7"), format!("198.18.{number}.7"));
        assert!(is_put_off(postfix, &mail(&first)), "{sender} {number}");
        let_the_delay_pass(clock);
        postfix.deliver(&mail(&retry));
        clock.advance(Duration::from_secs(86_400));
    }
}

#[test]
fn five_domains_of_senders_in_a_pool_do_not_whitelist_each_other() {
    testkit::needs!(testkit::root_for("Postfix"));
    let (postfix, daemon, mut clock) = site(&["--lookup-by-domain", "--auto-whitelist-by=domain"]);
    let fresh = |number: u8, sender: &str| {
        let name = format!("mail-new{number}.outbound.example.com");
        machine(&format!("203.0.113.{number}"), &name).sender(sender)
    };
    let one_each = ["a@one.test", "b@two.test", "c@three.test", "d@four.test", "e@five.test"];
    for (number, sender) in (1..).zip(one_each) {
        assert!(is_put_off(&postfix, &fresh(number, sender)), "{sender}");
        let_the_delay_pass(&mut clock);
        postfix.deliver(&fresh(number, sender));
        clock.advance(Duration::from_secs(86_400));
    }
    assert!(is_put_off(&postfix, &fresh(6, "f@six.test")), "five passes of five domains");

    earn_trust(&postfix, &mut clock, "alice@six.test");
    postfix.deliver(&fresh(7, "anybody@mail.six.test"));
    for other in ["anybody@two.test", "anybody@seven.test", ""] {
        assert!(is_put_off(&postfix, &fresh(8, other)), "{other}");
    }
    let stranger = machine("203.0.113.9", "mail.example.net").sender("anybody@six.test");
    assert!(is_put_off(&postfix, &stranger), "a forged sender");
    let log = daemon.log();
    let told = log.iter().filter(|line| line.contains("whitelisted: ")).collect::<Vec<_>>();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].ends_with("whitelisted: example.com for six.test"), "{told:?}");
    assert!(log.iter().any(|line| line.contains("reason=client AWL")), "{log:?}");
}
