//! Options that the original has not, as the clients of a real Postfix meet
//! them. Needs root, and the package postfix. No restriction of Postfix's own
//! comes first but that against relaying.

use super::instance::Postfix;
use crate::smtp::Envelope;
use std::time::Duration;
use testkit::{Builder, Clock, Daemon, Listener, Program};

const DEFERRED: &str = "450 4.2.0 <bob@example.org>: Recipient address rejected: Greylisted, \
                        see http://postgrey.schweikert.ch/help/example.org.html";

const ACCEPTED: &str = "250 2.1.5 Ok";

fn start(builder: Builder) -> (Postfix, Daemon) {
    let daemon = builder.start();
    let Listener::Unix(path) = daemon.listener().clone() else { panic!("a socket") };
    (Postfix::start(&format!("unix:{}", path.display())), daemon)
}

fn client(address: &str) -> Envelope {
    Envelope::from_client(address).named("mail.sender.test")
}

#[test]
fn users_and_own_networks_pass_where_they_are_trusted() {
    testkit::needs!(testkit::root_for("Postfix"));
    let builder = Daemon::builder(Program::Ours)
        .arg("--trust-authenticated")
        .arg("--trusted-networks=198.18.99.0/24,2001:db8:99::/48");
    let (postfix, _daemon) = start(builder);
    for (envelope, reply) in [
        (client("198.51.100.7"), DEFERRED),
        (client("198.51.100.7").logged_in("joe"), ACCEPTED),
        (client("198.18.99.7"), ACCEPTED),
        (client("2001:db8:99::7"), ACCEPTED),
        (client("2001:db8:98::7"), DEFERRED),
    ] {
        assert_eq!(postfix.offer(&envelope), [reply], "{envelope:?}");
    }
}

#[test]
fn a_dry_run_accepts_all_mail_without_a_header() {
    testkit::needs!(testkit::root_for("Postfix"));
    let (postfix, daemon) = start(Daemon::builder(Program::Ours).arg("--noaction"));
    for copy in postfix.deliver(&client("198.51.100.7")) {
        assert!(!copy.contains("X-Greylist"), "{copy}");
    }
    let line = "action=greylist, reason=new, dry-run, client_name=mail.sender.test";
    assert!(daemon.log().iter().any(|logged| logged.contains(line)), "{:#?}", daemon.log());
}

fn with_list(builder: Builder, option: &str, text: &str) -> Builder {
    let path = builder.scratch().file(option, text);
    builder.arg(format!("--{option}={}", path.display()))
}

#[test]
fn those_on_a_blacklist_are_refused_for_good_unless_a_whitelist_has_them() {
    testkit::needs!(testkit::root_for("Postfix"));
    let builder = Daemon::builder(Program::Ours);
    let builder = with_list(builder, "whitelist-senders", "boss@spam.test\n");
    let builder = with_list(builder, "blacklist-clients", "198.51.100.0/24\n");
    let builder = with_list(builder, "blacklist-senders", "spam.test\n");
    let (postfix, _daemon) = start(builder);
    let refused = "554 5.7.1 <bob@example.org>: Recipient address rejected: Access denied";
    for (envelope, reply) in [
        (client("198.51.100.7"), refused),
        (client("198.51.100.7").sender("boss@spam.test"), ACCEPTED),
        (client("192.0.2.7").sender("news@spam.test"), refused),
        (client("192.0.2.7"), DEFERRED),
    ] {
        assert_eq!(postfix.offer(&envelope), [reply], "{envelope:?}");
    }
}

#[test]
fn recipients_with_their_own_delay_are_greylisted_for_it() {
    testkit::needs!(testkit::root_for("Postfix"));
    let builder = with_list(Daemon::builder(Program::Ours), "greylist-recipients", "bob@\n");
    let builder = with_list(builder, "recipient-delays", "example.org delay=60\n");
    let (builder, mut clock) = Clock::of(builder);
    let (postfix, _daemon) = start(builder);
    let to_carol = client("198.51.100.7").recipients(&["carol@example.org"]);
    assert_eq!(postfix.offer(&to_carol), [ACCEPTED]);
    let to_bob = client("198.51.100.7");
    assert_eq!(postfix.offer(&to_bob), [DEFERRED]);
    crate::assert_in_manual(DEFERRED);
    clock.advance(Duration::from_secs(59));
    assert_eq!(postfix.offer(&to_bob), [DEFERRED]);
    clock.advance(Duration::from_secs(1));
    assert_eq!(postfix.offer(&to_bob), [ACCEPTED]);
}

#[test]
fn a_log_in_json_has_the_delay_of_mail_that_passes() {
    testkit::needs!(testkit::root_for("Postfix"));
    let builder = Daemon::builder(Program::Ours).arg("--log-format=json");
    let (builder, mut clock) = Clock::of(builder);
    let (postfix, daemon) = start(builder);
    let envelope = client("198.51.100.7");
    for _ in 0..2 {
        assert_eq!(postfix.offer(&envelope), [DEFERRED]);
        clock.advance(Duration::from_secs(200));
    }
    assert_eq!(postfix.deliver(&envelope).len(), 1);
    let log = daemon.log();
    let passed = "\"reason\":\"triplet found\",\"delay\":400,";
    assert!(log.iter().any(|line| line.contains(passed)), "{log:#?}");
}
