//! The package's patterns for logcheck, held to what a daemon writes: all of its
//! everyday lines are ignored, and no complaint is.

use nix::sys::signal::Signal;
use std::process::Command;
use std::time::Duration;
use testkit::tool::run_with;
use testkit::{Attempt, Clock, Daemon, Program};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// The text of rsyslog before a message, in both of Debian's formats.
const HEADERS: [&str; 2] =
    ["Nov  5 12:00:00 mx postgrey[812]: ", "2026-11-05T12:00:00.123456+00:00 mx postgrey[812]: "];

pub const IGNORED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/debian/postgrey.logcheck.ignore.server");
const NO_VIOLATIONS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/debian/postgrey.logcheck.violations.ignore");

/// The lines that logcheck would mail, as it finds them.
pub fn reported(patterns: &str, lines: &[String]) -> Vec<String> {
    let mut egrep = Command::new("grep");
    egrep.args(["--text", "-E", "-v", "-f", patterns]).env("LC_ALL", "C");
    let input = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let output = run_with(&mut egrep, input);
    assert!(output.err.is_empty(), "{patterns}: {output:?}");
    output.out.lines().map(str::to_string).collect()
}

pub fn with_headers<'a>(lines: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    lines.into_iter().flat_map(|line| HEADERS.map(|header| format!("{header}{line}"))).collect()
}

/// A server's life: mail of all kinds, by IPv4 and IPv6, clean-up, and whatever
/// an administrator does.
fn everyday_lines(is_tcp: bool, format: &str) -> Vec<String> {
    let builder = Daemon::builder(Program::Ours)
        .arg("--verbose")
        .arg(format!("--log-format={format}"))
        .arg("--max-age=1")
        .arg("--retry-window=2h")
        .arg("--auto-whitelist-clients=1")
        .arg("--auto-whitelist-by=domain")
        .whitelist_clients("white.test\n")
        .whitelist_recipients("postmaster@\n");
    let (builder, mut clock) = Clock::of(if is_tcp { builder.tcp() } else { builder });
    let daemon = builder.start();
    for address in ["198.51.100.7", "2001:db8::7", "::ffff:192.0.2.1"] {
        for (name, sender) in [("mail.sender.test", "alice+b=c@sender.test"), ("unknown", "")] {
            let attempt = Attempt::new(address, name, sender, "bob@example.org");
            for (seconds, queue_id) in [(0, ""), (10, ""), (400, "4A1B2C"), (500, "4bXyZ91k0z1Q")] {
                daemon.client().ask(&attempt.clone().with("queue_id", queue_id).at(seconds));
            }
        }
    }
    daemon.client().ask(&Attempt::new("192.0.2.9", "white.test", "a@b.test", "c@example.org"));
    daemon.client().ask(&Attempt::new("192.0.2.9", "a.test", "a@b.test", "postmaster@example.org"));
    clock.advance(Duration::from_secs(3 * DAY));
    for (signal, sign) in [
        (Signal::SIGUSR1, "statistics: "),
        (Signal::SIGUSR1, "cleaning main database finished"),
        (Signal::SIGHUP, "HUP received"),
    ] {
        daemon.signal(signal);
        daemon.wait_for_line(sign);
    }
    daemon.stop().log
}

#[test]
fn logcheck_is_silent_about_everyday_lines() {
    let classic = "action=greylist|action=pass|whitelisted: sender.test for sender.test|Binding|\
                   closing!|cleaning|CONNECT";
    let json = "\"action\":\"greylist\"|\"delay\":|closing!|whitelisted: ";
    for (is_tcp, format, signs, decision) in [
        (false, "classic", classic, "action="),
        (true, "classic", classic, "action="),
        (true, "json", json, "\"action\""),
    ] {
        let lines = everyday_lines(is_tcp, format);
        for sign in signs.split('|') {
            assert!(lines.iter().any(|line| line.contains(sign)), "no {sign}: {lines:#?}");
        }
        assert_eq!(reported(IGNORED, &with_headers(&lines)), [""; 0]);
        // A sender's name must not make it a violation either.
        let decisions = lines.iter().filter(|line| line.contains(decision));
        assert_eq!(reported(NO_VIOLATIONS, &with_headers(decisions)), [""; 0]);
    }
}

#[test]
fn logcheck_reports_complaints_in_json() {
    let complaints = [
        r#"{"severity":"warning","message":"no space left; mail is accepted without greylisting"}"#,
        r#"{"severity":"error","message":"unrecognized request type: 'x'"}"#,
    ]
    .map(str::to_string);
    assert_eq!(reported(IGNORED, &with_headers(&complaints)).len(), 4);
}

#[test]
fn logcheck_is_silent_about_an_upgrade_from_postgrey_1() {
    let lines = [
        "imported 48213 triplets and 1 client from /var/lib/postgrey",
        "imported 0 triplets and 0 clients from /srv/a; 1 entry was known already",
    ];
    let lines = with_headers(&lines.map(str::to_string));
    assert_eq!(reported(IGNORED, &lines), [""; 0]);
}

#[test]
fn logcheck_reports_warnings() {
    let builder = Daemon::builder(Program::Ours).whitelist_clients("/(/\n192.0.2.256\n");
    let daemon = builder.start();
    daemon.client().ask(&Attempt::new("nonsense", "a.test", "a@b.test", "c@example.org"));
    let log = daemon.stop().log;
    let complaints: Vec<_> = log
        .iter()
        .filter(|line| line.contains("whitelist_clients") || line.contains("nonsense"))
        .collect();
    assert!(complaints.len() >= 3, "{log:#?}");
    let lines = with_headers(complaints);
    let reported_lines = reported(IGNORED, &lines);
    let silenced: Vec<_> = lines
        .iter()
        .filter(|line| !reported_lines.contains(line) && !line.contains("action="))
        .collect();
    assert!(silenced.is_empty(), "{silenced:#?}");
}

#[test]
fn logcheck_is_silent_about_postfix_lines_of_greylisted_mail() {
    let lines = [
        "mail.sender.test[198.51.100.7]: 450 4.2.0 <bob@example.org>: Recipient address rejected: \
         Greylisted, see http://postgrey.schweikert.ch/help/example.org.html; \
         from=<alice@sender.test> to=<bob@example.org> proto=ESMTP helo=<mail.sender.test>",
        "unknown[2001:db8::7]: 450 4.2.0 <bob@example.org>: Recipient address rejected: \
         Greylisted, see https://postgrey.schweikert.ch/help/mx.html; from=<> \
         to=<bob@example.org> proto=SMTP helo=<x>",
    ];
    let lines = lines.map(|rest| {
        format!("Nov  5 12:00:00 mx postfix/smtpd[812]: NOQUEUE: reject: RCPT from {rest}")
    });
    assert_eq!(reported(NO_VIOLATIONS, &lines), [""; 0]);
}
