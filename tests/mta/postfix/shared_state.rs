//! Two real Postfix with a policy server each, and one Redis: mail that one of them
//! deferred passes the other. Needs root, and the packages postfix and redis-server.

use super::instance::Postfix;
use crate::smtp::Envelope;
use std::time::Duration;
use testkit::redis::{Engine, Server, host};
use testkit::{Clock, Daemon};

/// A mail server of a domain.
struct Mx {
    postfix: Postfix,
    daemon: Daemon,
    clock: Clock,
}

impl Mx {
    fn start(server: &Server) -> Mx {
        let (builder, clock) = Clock::of(host(&server.url()));
        let daemon = builder.start();
        let postfix = Postfix::asking(&daemon);
        Mx { postfix, daemon, clock }
    }
}

#[test]
fn mail_deferred_by_one_host_passes_the_other() {
    testkit::needs!(testkit::root_for("Postfix"));
    let Some(server) = Server::start(Engine::Redis, &[]) else { return };
    let [one, mut other] = [(), ()].map(|()| Mx::start(&server));
    let envelope = Envelope::from_client("198.51.100.7").named("mail.sender.test");
    for mx in [&one, &other] {
        let replies = mx.postfix.offer(&envelope);
        assert!(replies[0].starts_with("450 4.2.0 "), "{replies:?}");
    }
    other.clock.advance(Duration::from_secs(312));
    let copies = other.postfix.deliver(&envelope);
    assert!(copies[0].contains("X-Greylist: delayed 312 seconds"), "{}", copies[0]);
    let log = [one, other].map(|mx| mx.daemon.log().join("\n"));
    assert!(log[0].contains("reason=new") && log[1].contains("delay=312"), "{log:#?}");
}
