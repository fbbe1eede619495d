//! Greylisting as the clients of a real Postfix meet it. Needs root, and the
//! packages postfix and swaks.
//!
//! Postfix sends no time: the delay passes by the daemon's clock, which is the
//! test's.

mod features;
pub mod instance;
mod milter;
mod policy;
mod shared_state;

use self::instance::Postfix;
use crate::smtp::{Envelope, greylist_headers};
use std::time::Duration;
use testkit::{Builder, Clock, Daemon, Program};

const ACCEPTED: &str = "250 2.1.5 Ok";

const DELAY: Duration = Duration::from_secs(300);

fn client(address: &str) -> Envelope {
    Envelope::from_client(address).named("mail.sender.test")
}

/// A daemon to which [`friends`] are known.
fn daemon() -> Builder {
    Daemon::builder(Program::Ours)
        .arg("--hostname=mx.test.example")
        .whitelist_clients("trusted.test\n203.0.113.0/24\n2001:db8:77::/48\n")
        .whitelist_recipients("postmaster@\n")
}

/// Mail that is greylisted: its first attempt and its retry. Each has a network of
/// its own.
fn strangers() -> Vec<(&'static str, [Envelope; 2])> {
    let twice = |envelope: Envelope| [envelope.clone(), envelope];
    let two = ["bob@example.org", "carol@example.org"];
    let sender = |sender| client("198.18.1.7").sender(sender);
    vec![
        ("another client of a /24", [client("198.51.100.7"), client("198.51.100.250")]),
        ("another client of a /64", [client("2001:db8::7"), client("2001:db8::ffff:ffff:ffff")]),
        (
            "a sender with a number",
            [sender("list+one-1234@sender.test"), sender("list+two-5678@sender.test")],
        ),
        ("a client without a verified name", twice(Envelope::from_client("192.0.2.7"))),
        ("the null sender", twice(client("198.18.2.7").sender(""))),
        ("two recipients", twice(client("198.18.4.7").recipients(&two))),
        ("a quoted recipient", twice(client("198.18.5.7").recipients(&[r#""bo b"@example.org"#]))),
    ]
}

fn friends() -> Vec<(&'static str, Envelope)> {
    let client = Envelope::from_client;
    vec![
        ("a client with a whitelisted name", client("198.18.10.7").named("mail.trusted.test")),
        ("a client of a whitelisted IPv4 network", client("203.0.113.7")),
        ("a client of a whitelisted IPv6 network", client("2001:db8:77:1::7")),
        ("a whitelisted recipient", client("198.18.11.7").recipients(&["postmaster@example.org"])),
        ("the null sender from a whitelisted client", client("203.0.113.8").sender("")),
    ]
}

fn assert_delivered_unchanged(postfix: &Postfix, what: &str, envelope: &Envelope) {
    for message in postfix.deliver(envelope) {
        assert!(greylist_headers(&message).is_empty(), "{what}:\n{message}");
    }
}

/// Asserts that friends are not delayed, and that strangers are: they get this reply
/// for each recipient, and pass with one header after the delay.
fn assert_strangers_wait(
    postfix: &Postfix,
    clock: &mut Clock,
    friends: &[(&str, Envelope)],
    strangers: &[(&str, [Envelope; 2])],
    deferral: impl Fn(&str) -> String,
) {
    for (what, envelope) in friends {
        assert_delivered_unchanged(postfix, what, envelope);
    }
    for (what, [first, _]) in strangers {
        let expected: Vec<String> = first.recipients.iter().map(|to| deferral(to)).collect();
        assert_eq!(postfix.offer(first), expected, "{what}");
    }
    clock.advance(DELAY);
    let signature = Program::Ours.signature();
    let header = format!("X-Greylist: delayed 300 seconds by {signature} at mx.test.example; ");
    for (what, [first, retry]) in strangers {
        for message in postfix.deliver(retry) {
            let headers = greylist_headers(&message);
            let is_expected = headers.len() == 1 && headers[0].starts_with(&header);
            assert!(is_expected, "{what}: {headers:?} in\n{message}");
        }
        assert_delivered_unchanged(postfix, what, first);
    }
}
