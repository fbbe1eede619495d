//! Greylisting as the clients of a real Postfix meet it that asks over the
//! milter protocol. Needs root, and the package postfix. The delay passes by the
//! daemon's clock, which is the test's.

mod actions;
mod both_listeners;
mod failing;
mod recipe;

use super::instance::Postfix;
use crate::smtp::Envelope;
use std::time::Duration;
use testkit::{Clock, Daemon, Program};

const DEFERRED: &str =
    "451 4.7.1 Greylisted, see http://postgrey.schweikert.ch/help/example.org.html";

/// A Postfix, the milter that it asks, and the milter's clock.
struct Site {
    postfix: Postfix,
    daemon: Daemon,
    clock: Clock,
}

impl Site {
    fn start(version: u8) -> Site {
        Site::start_with(version, &[])
    }

    fn start_with(version: u8, options: &[String]) -> Site {
        let builder = Daemon::builder(Program::Ours).args(options);
        let builder = builder
            .arg("--hostname=mx.test.example")
            .whitelist_clients("trusted.test\n203.0.113.0/24\n2001:db8:77::/48\n")
            .whitelist_recipients("postmaster@\n");
        let socket = builder.scratch().path().join("milter");
        let (builder, clock) = Clock::of(builder);
        // The user postfix is in no group of the daemon here.
        let builder = builder
            .arg(format!("--milter={}", socket.display()))
            .arg("--milter-socketmode=0666")
            .arg("--trusted-networks=198.18.99.0/24");
        let daemon = builder.start();
        let postfix = Postfix::start_with(&format!(
            "smtpd_recipient_restrictions = reject_unauth_destination\n\
             smtpd_milters = unix:{}\n\
             milter_default_action = accept\n\
             milter_protocol = {version}\n",
            socket.display()
        ));
        Site { postfix, daemon, clock }
    }
}

/// The `X-Greylist` headers of each copy of a delivered message.
fn headers(copies: &[String]) -> Vec<Vec<&str>> {
    let of_copy = |copy| {
        let lines = str::lines(copy).take_while(|line| !line.is_empty());
        lines.filter(|line| line.starts_with("X-Greylist:")).collect()
    };
    copies.iter().map(|copy| of_copy(copy.as_str())).collect()
}

fn assert_delivered_at_once(postfix: &Postfix, who: &str, envelope: &Envelope) {
    for found in headers(&postfix.deliver(envelope)) {
        assert!(found.is_empty(), "{who}: {found:?}");
    }
}

fn client(address: &str) -> Envelope {
    Envelope::from_client(address).named("mail.sender.test")
}

fn strangers() -> Vec<(&'static str, Envelope)> {
    vec![
        ("an IPv4 client", client("198.51.100.7")),
        ("an IPv6 client", client("2001:db8::7")),
        ("a client without a verified name", Envelope::from_client("192.0.2.7")),
        ("the null sender", client("198.18.2.7").sender("")),
        (
            "two recipients",
            client("198.18.4.7").recipients(&["bob@example.org", "carol@example.org"]),
        ),
        ("a quoted recipient", client("198.18.5.7").recipients(&[r#""bo b"@example.org"#])),
    ]
}

fn friends() -> Vec<(&'static str, Envelope)> {
    vec![
        ("a client that has logged in", client("198.18.3.7").logged_in("joe")),
        ("a client of a trusted network", client("198.18.99.7")),
        (
            "a client with a whitelisted name",
            Envelope::from_client("198.18.10.7").named("mail.trusted.test"),
        ),
        ("a client of a whitelisted IPv4 network", client("203.0.113.7")),
        ("a client of a whitelisted IPv6 network", client("2001:db8:77:1::7")),
        ("a whitelisted recipient", client("198.18.11.7").recipients(&["postmaster@example.org"])),
    ]
}

#[test]
fn strangers_wait_and_friends_do_not() {
    testkit::needs!(testkit::root_for("Postfix"));
    strangers_wait_and_friends_do_not_with(Site::start(6));
}

#[test]
fn a_postfix_of_version_2_of_the_protocol_is_served_as_well() {
    testkit::needs!(testkit::root_for("Postfix"));
    strangers_wait_and_friends_do_not_with(Site::start(2));
}

fn strangers_wait_and_friends_do_not_with(mut site: Site) {
    for (who, envelope) in friends() {
        assert_delivered_at_once(&site.postfix, who, &envelope);
    }
    for (who, envelope) in strangers() {
        let expected = vec![DEFERRED; envelope.recipients.len()];
        assert_eq!(site.postfix.offer(&envelope), expected, "{who}");
    }
    site.clock.advance(Duration::from_secs(300));
    let signature = Program::Ours.signature();
    let start = format!("X-Greylist: delayed 300 seconds by {signature} at mx.test.example; ");
    for (who, envelope) in strangers() {
        for found in headers(&site.postfix.deliver(&envelope)) {
            assert!(found.len() == 1 && found[0].starts_with(&start), "{who}: {found:?}");
        }
    }
    for (who, envelope) in strangers() {
        assert_delivered_at_once(&site.postfix, who, &envelope);
    }
}

#[test]
fn of_three_recipients_the_unknown_one_is_not_asked_about() {
    testkit::needs!(testkit::root_for("Postfix"));
    let mut site = Site::start(6);
    let recipients = ["bob@example.org", "nobody@elsewhere.test", "carol@example.org"];
    let envelope = client("198.51.100.7").recipients(&recipients);
    let unknown = "454 4.7.1 <nobody@elsewhere.test>: Relay access denied";
    assert_eq!(site.postfix.offer(&envelope), [DEFERRED, unknown, DEFERRED]);
    site.clock.advance(Duration::from_secs(300));
    assert_eq!(site.postfix.offer(&envelope), ["250 2.1.5 Ok", unknown, "250 2.1.5 Ok"]);
    let log = site.daemon.log();
    assert!(!log.iter().any(|line| line.contains("elsewhere.test")), "{log:#?}");
}

#[test]
fn mail_flows_while_the_milter_is_away() {
    testkit::needs!(testkit::root_for("Postfix"));
    let site = Site::start(6);
    assert_eq!(site.postfix.offer(&client("198.51.100.7")), [DEFERRED]);
    let _stopped = site.daemon.stop();
    assert_delivered_at_once(&site.postfix, "nobody to ask", &client("198.51.100.7"));
}
