//! Time that passes without the server, or backwards.

use crate::faults::preload::Faults;
use crate::faults::witness::{SPARE_MEMORY, Watch};
use nix::sys::signal::Signal;
use testkit::{Attempt, Client, Daemon, Program, wait_until};

#[test]
fn a_stopped_daemon_answers_all_waiting_requests_when_it_continues() {
    let daemon = Daemon::builder(Program::under_test()).start();
    let watch = Watch::begin(&daemon, "SIGSTOP, SIGCONT");
    let known = Attempt::to("known@example.org").at(0);
    let mut clients: Vec<Client> = (0..50).map(|_| daemon.client()).collect();
    clients[0].assert_deferred(&known);
    daemon.signal(Signal::SIGSTOP);
    wait_until("the daemon to stop", || {
        testkit::process::field(daemon.pid(), "State").is_some_and(|state| state.starts_with('T'))
    });
    // Half of them were connected before, half come while it is stopped.
    clients.extend((0..50).map(|_| daemon.client()));
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&Attempt::to(&format!("{number}@example.org")).at(0).bytes());
    }
    daemon.signal(Signal::SIGCONT);
    for client in &mut clients {
        let reply = client.reply().expect("a reply");
        assert!(reply.starts_with("DEFER_IF_PERMIT "), "{reply}");
    }
    let reply = clients[0].ask(&Attempt::to("known@example.org").at(300));
    assert!(reply.starts_with("PREPEND X-Greylist: delayed 300 seconds "), "{reply}");
    watch.end(SPARE_MEMORY, &[]);
}

/// Asserts that a reply has a delay of these seconds and the few of the test.
fn assert_delayed(reply: &str, seconds: i64) {
    let delay = reply.strip_prefix("PREPEND X-Greylist: delayed ").and_then(|rest| {
        let (number, _) = rest.split_once(' ')?;
        number.parse::<i64>().ok()
    });
    let is_right = delay.is_some_and(|delay| (seconds..seconds + 60).contains(&delay));
    assert!(is_right, "{seconds} seconds: {reply}");
}

#[test]
fn a_clock_set_back_an_hour_only_delays_mail() {
    let (builder, faults) = Faults::of(Daemon::builder(Program::under_test()));
    let daemon = builder.start();
    let watch = Watch::begin(&daemon, "clock back by an hour");
    let mut client = daemon.client();
    let mut ask = |recipient: &str| client.ask(&Attempt::to(recipient));
    let assert_deferred = |reply: &str| assert!(reply.starts_with("DEFER_IF_PERMIT "), "{reply}");
    assert_deferred(&ask("before@example.org"));
    assert_deferred(&ask("passed@example.org"));
    faults.begin("clock", 1000);
    assert_delayed(&ask("passed@example.org"), 1000);

    faults.begin("clock", -3600);
    watch.let_ask(100);
    assert_deferred(&ask("meanwhile@example.org"));
    // A triplet whose first attempt is now in the future starts again.
    assert_deferred(&ask("before@example.org"));
    assert_deferred(&ask("passed@example.org"));
    faults.begin("clock", -3000);
    assert_delayed(&ask("meanwhile@example.org"), 600);
    assert_delayed(&ask("before@example.org"), 600);

    faults.end("clock");
    assert_eq!(ask("meanwhile@example.org"), "DUNNO");
    assert_delayed(&ask("passed@example.org"), 3600);
    let corrections = daemon.log().into_iter().filter(|line| line.contains("in the future"));
    watch.end(SPARE_MEMORY, &corrections.collect::<Vec<_>>());
}
