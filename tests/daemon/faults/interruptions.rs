//! Time that passes without the server, or backwards.

use crate::faults::witness::{SPARE_MEMORY, Watch};
use nix::sys::signal::Signal;
use testkit::{Attempt, Client, Clock, Daemon, Program, wait_until};

#[test]
fn a_stopped_daemon_answers_all_waiting_requests_when_it_continues() {
    let daemon = Daemon::builder(Program::Ours).start();
    let watch = Watch::begin(&daemon);
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
    watch.end(SPARE_MEMORY);
}

#[test]
fn a_clock_set_back_an_hour_only_delays_mail() {
    let (builder, mut clock) = Clock::of(Daemon::builder(Program::Ours));
    let daemon = builder.start();
    let watch = Watch::begin(&daemon);
    let mut client = daemon.client();
    // Seconds by which the clock jumps, the recipient, and the delay if it passes.
    for (jump, recipient, delay) in [
        (0, "before", None),
        (0, "passed", None),
        (1000, "passed", Some(1000)),
        (-4600, "meanwhile", None),
        // A triplet whose first attempt is now in the future starts again.
        (0, "before", None),
        (0, "passed", None),
        (600, "meanwhile", Some(600)),
        (0, "before", Some(600)),
        (3000, "passed", Some(3600)),
    ] {
        clock.jump(jump);
        let attempt = Attempt::to(&format!("{recipient}@example.org"));
        let header = delay.map(|delay| format!("PREPEND X-Greylist: delayed {delay} seconds "));
        let start = header.unwrap_or("DEFER_IF_PERMIT ".to_owned());
        let reply = client.ask(&attempt);
        assert!(reply.starts_with(&start), "{recipient} at {}: {reply}", clock.seconds());
    }
    assert_eq!(client.ask(&Attempt::to("meanwhile@example.org")), "DUNNO");
    watch.end(SPARE_MEMORY);
}
