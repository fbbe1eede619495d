//! Headers of mail that was delayed, and a disk that fails.

use crate::faults::preload::Faults;
use nix::errno::Errno;
use testkit::{Attempt, Daemon, Program, wait_until};

#[test]
fn a_retried_request_gets_the_header_that_a_failing_disk_prevented() {
    let (builder, faults) = Faults::of(Daemon::builder(Program::Ours));
    let daemon = builder.start();
    let mut client = daemon.client();
    let attempt = |recipient: &str| {
        Attempt::new("192.0.2.1", "mx.a.test", "alice@a.test", recipient).with("instance", "m1")
    };
    let bob = attempt("bob@example.org");
    client.assert_deferred(&bob.clone().at(0));
    faults.begin("write", Errno::EIO as i64);
    assert_eq!(client.ask(&bob.clone().at(300)), "DUNNO", "on a disk that fails");
    faults.end("write");
    wait_until("the database to be written again", || {
        let other = attempt("carol@example.org").at(0);
        client.ask(&other).starts_with("DEFER_IF_PERMIT ")
    });
    let reply = client.ask(&bob.at(300));
    assert!(reply.starts_with("PREPEND X-Greylist: delayed 300 seconds "), "{reply}");
}
