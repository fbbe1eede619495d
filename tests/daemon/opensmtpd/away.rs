//! A daemon that is away, hangs, or answers late.

use super::{CLIENT, DEFERRED, daemon, filter, option};
use nix::sys::signal::Signal;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::{Duration, Instant};
use testkit::opensmtpd::Filter;
use testkit::process::processor_time;
use testkit::{Program, Scratch};

const TIMEOUT: Duration = Duration::from_secs(5);

#[test]
fn mail_passes_while_the_daemon_is_away_and_each_change_is_one_line() {
    let builder = daemon();
    let option = option(builder.listener());
    let mut filter = Filter::start("0.7", &[&option]);
    let name = option.split_once('=').expect("an option with a value").1;
    let gone = |why: &str| {
        format!(
            "cannot connect to postgrey on {name}: {why}; mail passes without greylisting until \
             it answers"
        )
    };
    let back = format!("postgrey on {name} answers again");
    let mut expected = vec![gone("No such file or directory")];
    filter.mail(1, CLIENT, "alice@a.test");
    for token in 2..102 {
        assert_eq!(filter.decide(1, token, "bob@example.org"), "proceed");
    }
    let mut daemon = builder.start();
    for round in 0..2_u64 {
        expected.push(back.clone());
        assert_eq!(filter.wait_for_log(expected.len()), expected);
        assert_eq!(filter.decide(1, 200 + round, &format!("r{round}@example.org")), DEFERRED);
        let stopped = daemon.stop();
        assert_eq!(filter.decide(1, 300 + round, "bob@example.org"), "proceed");
        assert_eq!(filter.decide(1, 400 + round, "bob@example.org"), "proceed");
        expected.push(gone("No such file or directory"));
        daemon = stopped.again(Program::Ours).start();
    }
    expected.push(back);
    assert_eq!(filter.wait_for_log(expected.len()), expected);
}

#[test]
fn a_restarted_daemon_is_asked_again_without_a_line() {
    let running = daemon().start();
    let mut filter = filter(&running);
    filter.mail(1, CLIENT, "alice@a.test");
    assert_eq!(filter.decide(1, 2, "bob@example.org"), DEFERRED);
    let running = running.stop().again(Program::Ours).start();
    assert_eq!(filter.decide(1, 3, "bob@example.org"), DEFERRED);
    assert_eq!(filter.log(), [""; 0]);
    drop(running);
}

#[test]
fn a_hung_daemon_delays_mail_by_five_seconds_at_most() {
    let daemon = daemon().start();
    let mut filter = filter(&daemon);
    daemon.signal(Signal::SIGSTOP);
    let start = Instant::now();
    for session in 0..100 {
        filter.mail(session, CLIENT, "alice@a.test");
        filter.recipient(session, session, "bob@example.org");
    }
    for _ in 0..100 {
        assert_eq!(filter.result().2, "proceed");
    }
    let elapsed = start.elapsed();
    assert!(elapsed >= TIMEOUT && elapsed < 2 * TIMEOUT, "{elapsed:?}");
    // From now on mail passes at once.
    let start = Instant::now();
    assert_eq!(filter.decide(0, 1, "bob@example.org"), "proceed");
    assert!(start.elapsed() < TIMEOUT / 2, "{:?}", start.elapsed());
    daemon.signal(Signal::SIGCONT);
    // The next question after a second finds out.
    let mut token = 2;
    while filter.decide(0, token, &format!("r{token}@example.org")) == "proceed" {
        assert!(token < 1_000_000, "{:?}", filter.log());
        token += 1;
    }
    let log = filter.log();
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(log[0].starts_with("no answer from postgrey on "), "{log:?}");
    assert!(log[1].ends_with(" answers again"), "{log:?}");
}

/// A policy server that never answers about one sender.
fn serve(stream: UnixStream) {
    let mut request = String::new();
    let mut input = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut output = stream;
    while input.read_line(&mut request).is_ok_and(|length| length > 0) {
        if request.ends_with("\n\n") {
            if !request.contains("sender=slow@a.test\n") {
                output.write_all(b"action=DEFER_IF_PERMIT wait\n\n").expect("a filter that reads");
            }
            request.clear();
        }
    }
}

/// A filter that asks another server than ours, and the directory of its socket.
fn filter_of(serve: fn(UnixStream)) -> (Filter, Scratch) {
    let scratch = Scratch::new();
    let path = scratch.path().join("socket");
    let listener = UnixListener::bind(&path).expect("a socket");
    thread::spawn(move || {
        listener.incoming().flatten().for_each(|stream| drop(thread::spawn(move || serve(stream))));
    });
    (Filter::start("0.7", &[&format!("--unix={}", path.display())]), scratch)
}

#[test]
fn a_slow_answer_delays_no_other_session() {
    let (mut filter, _scratch) = filter_of(serve);
    filter.mail(1, CLIENT, "slow@a.test");
    filter.recipient(1, 7, "bob@example.org");
    let start = Instant::now();
    for session in 2..200 {
        filter.mail(session, CLIENT, "alice@a.test");
        assert_eq!(filter.decide(session, 9, "bob@example.org"), "reject|451 4.7.1 wait");
    }
    assert!(start.elapsed() < TIMEOUT, "{:?}", start.elapsed());
    assert_eq!(filter.result(), (1, 7, "proceed".to_string()));
    let elapsed = start.elapsed();
    assert!(elapsed < 2 * TIMEOUT, "{elapsed:?}");
}

#[test]
fn mail_passes_if_the_server_speaks_another_protocol() {
    let (mut filter, _scratch) = filter_of(|mut stream| {
        let _ = stream.write_all(b"220 mx.test.example ESMTP\r\n\n\n");
    });
    filter.mail(1, CLIENT, "alice@a.test");
    assert_eq!(filter.decide(1, 2, "bob@example.org"), "proceed");
    assert_eq!(filter.log().len(), 1, "{:?}", filter.log());
}

#[test]
fn mail_passes_while_no_connection_is_accepted_and_the_filter_sleeps_meanwhile() {
    let scratch = Scratch::new();
    let path = scratch.path().join("socket");
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
    listener.bind(&SockAddr::unix(&path).expect("a path")).expect("an address");
    // Room for one connection; the next one has to try again.
    listener.listen(0).expect("a queue");
    let mut filter = Filter::start("0.7", &[&format!("--unix={}", path.display())]);
    for session in 0..20 {
        filter.mail(session, CLIENT, "alice@a.test");
        filter.recipient(session, session, "bob@example.org");
    }
    for _ in 0..20 {
        assert_eq!(filter.result().2, "proceed");
    }
    let spent = processor_time(filter.child().id());
    assert!(spent < Duration::from_secs(1), "{spent:?}");
    let log = filter.log();
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].starts_with("no answer from postgrey on "), "{log:?}");
}
