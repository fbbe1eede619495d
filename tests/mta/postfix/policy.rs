//! Postfix as a client of the policy server.

use super::instance::Postfix;
use super::{DELAY, assert_strangers_wait, client, daemon, friends, strangers};
use regex::Regex;
use std::collections::BTreeSet;
use std::process::Command;
use testkit::tool::run;
use testkit::{Clock, root_for, wait_for};

/// The reply of Postfix for the policy server's `DEFER_IF_PERMIT`. It names a
/// recipient without the quotes.
fn deferral(recipient: &str) -> String {
    let recipient = recipient.replace('"', "");
    format!(
        "450 4.2.0 <{recipient}>: Recipient address rejected: Greylisted, \
         see http://postgrey.schweikert.ch/help/example.org.html"
    )
}

#[test]
fn strangers_wait_and_friends_do_not() {
    testkit::needs!(root_for("Postfix"));
    for builder in [daemon(), daemon().tcp()] {
        let (builder, mut clock) = Clock::of(builder);
        let daemon = builder.start();
        let postfix = Postfix::asking(&daemon);
        let login = client("198.18.3.7").logged_in("joe");
        let mut strangers = strangers();
        strangers.push(("a client that has logged in", [login.clone(), login]));
        assert_strangers_wait(&postfix, &mut clock, &friends(), &strangers, deferral);
        let replies = postfix.offer(&client("198.51.101.7"));
        assert_eq!(replies, [deferral("bob@example.org")], "from another /24");
    }
}

#[test]
fn every_recipient_of_500_messages_gets_one_reply_a_try() {
    testkit::needs!(root_for("Postfix"));
    let (builder, mut clock) = Clock::of(daemon());
    let daemon = builder.start();
    let postfix = Postfix::asking(&daemon);
    let refused = smtp_source(&postfix, 500);
    clock.advance(DELAY);
    let refused_again = smtp_source(&postfix, 500);
    let maillog = wait_for("the last delivery", || {
        let log = postfix.maillog();
        let sent = log.iter().filter(|line| line.contains("status=sent"));
        (sent.count() >= 500).then_some(log)
    });
    let daemon_log = daemon.log();

    // The replies to the clients, in the log of Postfix, and in that of the daemon.
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

/// The first group of a pattern in each line that matches, sorted.
fn found(pattern: &str, lines: &[String]) -> Vec<String> {
    let pattern = Regex::new(pattern).expect("a pattern");
    let captures = lines.iter().filter_map(|line| pattern.captures(line));
    let mut all: Vec<_> = captures.map(|groups| groups[1].to_string()).collect();
    all.sort();
    all
}
