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
use testkit::wait_until;

#[test]
fn the_filter_exits_with_0_when_smtpd_closes_its_input() {
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
