//! The end of the filter, and an smtpd that sends much and reads late.

use super::{CLIENT, daemon, filter, option};
use nix::sys::signal::Signal;
use std::io::{BufRead, BufReader, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use testkit::opensmtpd::Filter;
use testkit::process;
use testkit::{Clock, wait_until};

#[test]
fn it_ends_with_status_0_when_smtpd_closes_its_input() {
    let daemon = daemon().start();
    let idle = filter(&daemon);
    let mut busy = filter(&daemon);
    daemon.signal(Signal::SIGSTOP);
    busy.mail(1, CLIENT, "alice@a.test");
    busy.recipient(1, 2, "bob@example.org");
    for filter in [idle, busy] {
        let start = Instant::now();
        assert!(filter.close().success());
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    }
    daemon.signal(Signal::SIGCONT);
}

/// Lines of a message of 10 MB, dots and bars among them.
fn message() -> Vec<String> {
    let mut lines = vec!["Subject: a|b".to_string(), String::new()];
    for number in 0..130_000 {
        lines.push(match number % 5 {
            0 => "..".to_string(),
            1 => format!("..{number}|"),
            2 => String::new(),
            3 => "\t8bit \u{e9}\u{20ac} ".repeat(12),
            _ => format!("{number} {}", "x".repeat(300)),
        });
    }
    lines.push(".".to_string());
    assert!(lines.iter().map(|line| line.len() + 2).sum::<usize>() > 10_000_000);
    lines
}

#[test]
fn ten_megabytes_pass_unchanged_after_the_header() {
    let (builder, mut clock) = Clock::of(daemon());
    let daemon = builder.start();
    let mut filter = Filter::start("0.7", &[&option(daemon.listener()), "--header"]);
    filter.mail(1, CLIENT, "alice@a.test");
    assert!(filter.decide(1, 2, "bob@example.org").starts_with("reject|451 "));
    clock.advance(Duration::from_secs(400));
    assert_eq!(filter.decide(1, 3, "bob@example.org"), "proceed");
    let message = message();
    let sent = message.clone();
    let mut input = filter.take_input();
    let writer = thread::spawn(move || {
        for line in sent {
            let head =
                "filter|0.7|1764000000.5|smtp-in|data-line|0000000000000001|0000000000000004";
            writeln!(input, "{head}|{line}").expect("a filter that reads");
        }
        input
    });
    const HEAD: &str = "filter-dataline|0000000000000001|0000000000000004|";
    let mut receive = || filter.receive().strip_prefix(HEAD).expect("a data line").to_string();
    let header = receive();
    assert!(header.starts_with("X-Greylist: delayed 400 seconds by postgrey-"), "{header}");
    for line in message {
        assert_eq!(receive(), line);
    }
    drop(writer.join().expect("a writer"));
    assert!(filter.end().success());
}

#[test]
fn an_smtpd_that_does_not_read_is_not_read_either() {
    const LINES: usize = 400_000;
    let daemon = daemon().start();
    let mut filter = Filter::start_unread("0.7", &[&option(daemon.listener()), "--header"]);
    let (mut input, output) = (filter.take_input(), filter.child().stdout.take().expect("a pipe"));
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let writer = thread::spawn(move || {
        let text = "x".repeat(200);
        for _ in 0..LINES {
            let head = "filter|0.7|1764000000.5|smtp-in|data-line|1|2";
            writeln!(input, "{head}|{text}").expect("a filter that reads");
            count.fetch_add(1, Ordering::Relaxed);
        }
        input
    });
    // The writer stands still when the pipes and the filter's buffer are full.
    let mut last = (0, Instant::now());
    wait_until("the writer to stand still", || {
        let now = sent.load(Ordering::Relaxed);
        if now != last.0 {
            last = (now, Instant::now());
        }
        now > 0 && last.1.elapsed() > Duration::from_millis(500)
    });
    assert!(last.0 < LINES / 10, "{} lines", last.0);
    let memory = process::number(filter.child().id(), "VmHWM").expect("a process");
    assert!(memory < 40_000, "{memory} kB");
    assert_eq!(BufReader::new(output).lines().take(LINES).count(), LINES);
    drop(writer.join().expect("a writer"));
    assert!(filter.child().wait().expect("a child").success());
}
