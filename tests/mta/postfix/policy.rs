//! Greylisting at a real Postfix: the replies to clients, and the delivered mail.
//! Needs root, and the packages postfix and swaks.
//!
//! Postfix sends no time with its requests: the delay passes by the policy
//! server's clock, which is the test's.

use super::instance::Postfix;
use crate::smtp::Envelope;
use regex::Regex;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;
use testkit::tool::run;
use testkit::{Builder, Clock, Daemon, Listener, Program, wait_for};

/// How long a triplet has to wait by default.
const DELAY: Duration = Duration::from_secs(300);

/// A Postfix, the policy server that it asks, and its clock.
struct Site {
    postfix: Postfix,
    daemon: Daemon,
    clock: Clock,
}

impl Site {
    fn start(policy_server: Builder) -> Site {
        let (policy_server, clock) = Clock::of(policy_server);
        let daemon = policy_server.start();
        let postfix = Postfix::start(&match daemon.listener() {
            Listener::Unix(path) => format!("unix:{}", path.display()),
            Listener::Tcp(address) => format!("inet:{address}"),
        });
        Site { postfix, daemon, clock }
    }

    fn let_the_delay_pass(&mut self) {
        self.clock.advance(DELAY);
    }
}

fn policy_server() -> Builder {
    Daemon::builder(Program::under_test())
        .arg("--hostname=mx.test.example")
        .whitelist_clients("trusted.test\n203.0.113.0/24\n2001:db8:77::/48\n")
        .whitelist_recipients("postmaster@\n")
}

/// What Postfix makes of the policy server's `DEFER_IF_PERMIT`. It names a
/// recipient without the quotes.
fn put_off(recipient: &str) -> String {
    let recipient = recipient.replace('"', "");
    format!(
        "450 4.2.0 <{recipient}>: Recipient address rejected: Greylisted, \
         see http://postgrey.schweikert.ch/help/example.org.html"
    )
}

/// The `X-Greylist` headers of a message.
fn greylist_headers(message: &str) -> Vec<&str> {
    let lines = message.lines();
    lines
        .take_while(|line| !line.is_empty())
        .filter(|line| line.to_ascii_lowercase().starts_with("x-greylist:"))
        .collect()
}

fn assert_delivered_without_header(who: &str, copies: &[String]) {
    for message in copies {
        assert!(greylist_headers(message).is_empty(), "{who}:\n{message}");
    }
}

fn assert_delivered_with_one_header(who: &str, copies: &[String]) {
    let signature = regex::escape(Program::under_test().signature());
    let date = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \S+";
    let pattern = format!(
        r"^X-Greylist: delayed [1-9]\d* seconds by {signature} at mx\.test\.example; {date}$"
    );
    let expected = Regex::new(&pattern).expect("a pattern");
    for message in copies {
        let headers = greylist_headers(message);
        assert!(
            headers.len() == 1 && expected.is_match(headers[0]),
            "{who}: {headers:?} in\n{message}"
        );
    }
}

/// Mail that is greylisted: its first try, and the one that comes back. Each has
/// a network of its own.
fn strangers() -> Vec<(&'static str, [Envelope; 2])> {
    let client = Envelope::from_client;
    let named = |address| client(address).named("mail.sender.test");
    let twice = |envelope: Envelope| [envelope.clone(), envelope];
    vec![
        (
            "an IPv4 client that comes back from its /24",
            [named("198.51.100.7"), named("198.51.100.250")],
        ),
        (
            "an IPv6 client that comes back from its /64",
            [named("2001:db8::7"), named("2001:db8::ffff:ffff:ffff:ffff")],
        ),
        (
            "a sender whose extension and number change",
            [
                named("198.18.1.7").sender("list+one-1234@sender.test"),
                named("198.18.1.7").sender("list+two-5678@sender.test"),
            ],
        ),
        ("a client without a verified name", twice(client("192.0.2.7"))),
        ("the null sender", twice(named("198.18.2.7").sender(""))),
        ("a client that has logged in", twice(named("198.18.3.7").logged_in("joe"))),
        (
            "two recipients",
            twice(named("198.18.4.7").recipients(&["bob@example.org", "carol@example.org"])),
        ),
        ("a quoted recipient", twice(named("198.18.5.7").recipients(&[r#""bo b"@example.org"#]))),
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

#[test]
fn strangers_wait_and_friends_do_not_over_a_unix_socket() {
    testkit::needs!(testkit::root_for("Postfix"));
    strangers_wait_and_friends_do_not(Site::start(policy_server()));
}

#[test]
fn strangers_wait_and_friends_do_not_over_tcp() {
    testkit::needs!(testkit::root_for("Postfix"));
    strangers_wait_and_friends_do_not(Site::start(policy_server().tcp()));
}

fn strangers_wait_and_friends_do_not(mut site: Site) {
    for (who, envelope) in friends() {
        assert_delivered_without_header(who, &site.postfix.deliver(&envelope));
    }
    for (who, [first, _]) in strangers() {
        let expected: Vec<_> = first.recipients.iter().map(|to| put_off(to)).collect();
        assert_eq!(site.postfix.offer(&first), expected, "{who}");
    }
    site.let_the_delay_pass();
    for (who, [_, retry]) in strangers() {
        assert_delivered_with_one_header(who, &site.postfix.deliver(&retry));
    }
    for (who, [known, _]) in strangers() {
        assert_delivered_without_header(who, &site.postfix.deliver(&known));
    }
    let elsewhere = Envelope::from_client("198.51.101.7").named("mail.sender.test");
    let replies = site.postfix.offer(&elsewhere);
    assert_eq!(replies, [put_off("bob@example.org")], "from another /24");
}

#[test]
fn every_recipient_of_500_messages_gets_one_reply_a_try() {
    testkit::needs!(testkit::root_for("Postfix"));
    let mut site = Site::start(policy_server());
    let refused = smtp_source(&site.postfix, 500);
    site.let_the_delay_pass();
    let refused_again = smtp_source(&site.postfix, 500);
    let maillog = wait_for("the last delivery", || {
        let log = site.postfix.maillog();
        let sent = log.iter().filter(|line| line.contains("status=sent"));
        (sent.count() >= 500).then_some(log)
    });
    let daemon_log = site.daemon.log();

    // What the clients heard, what Postfix says it told them, and what the
    // policy server says it told Postfix.
    let recipients = found(r"recipient rejected: 450 4\.2\.0 <(.*?)>: ", &refused);
    assert_eq!(recipients.iter().collect::<BTreeSet<_>>().len(), 500, "{recipients:?}");
    assert_eq!(refused_again, Vec::<String>::new());
    let rejected = found(r"reject: .*: 450 4\.2\.0 .* to=<(.*?)>", &maillog);
    assert_eq!(rejected, recipients);
    let greylisted = found(r"action=greylist, reason=new, .*recipient=(.*)", &daemon_log);
    assert_eq!(greylisted, recipients);

    let sent = found(r" to=<(.*?)>, .* status=sent ", &maillog);
    assert_eq!(sent, recipients);
    let passed = r"action=pass, reason=triplet found, delay=\d+, .*recipient=(.*)";
    assert_eq!(found(passed, &daemon_log), recipients);

    assert_eq!(found("(.*action=.*)", &daemon_log).len(), 1000);
    assert_eq!(found("(.*reject:.*)", &maillog).len(), 500);
    assert_eq!(found(r"(smtpd\[\d+\]: warning: .*)", &maillog), Vec::<String>::new());
}

/// Sends messages by smtp-source on 20 connections, from 127.0.0.1, to the
/// numbered recipients, such as 1bob@example.org or, with Postfix 3.10,
/// bob1@example.org. Returns its complaints, one for each that was refused.
fn smtp_source(postfix: &Postfix, messages: usize) -> Vec<String> {
    let mut command = Command::new("/usr/sbin/smtp-source");
    // It continues after a refusal, sends several messages over a connection, and
    // numbers the recipients.
    command.args(["-A", "-d", "-N", "-s20", "-l500", "-Mload.test", &format!("-m{messages}")]);
    command.args(["-falice@sender.test", "-tbob@example.org", &postfix.address()]);
    let finished = run(&mut command);
    assert_eq!(finished.status, Some(0), "{finished:?}");
    finished.err.lines().map(str::to_string).collect()
}

/// What the first group of a pattern finds in each line that matches, sorted.
fn found(pattern: &str, lines: &[String]) -> Vec<String> {
    let pattern = Regex::new(pattern).expect("a pattern");
    let captures = lines.iter().filter_map(|line| pattern.captures(line));
    let mut all: Vec<_> = captures.map(|groups| groups[1].to_string()).collect();
    all.sort();
    all
}
