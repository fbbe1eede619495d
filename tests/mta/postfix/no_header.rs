//! `--no-x-greylist-header` as the clients of a real Postfix meet it. Needs
//! root, and the package postfix.

use super::instance::Postfix;
use crate::smtp::Envelope;
use std::time::Duration;
use testkit::{Clock, Daemon, Listener, Program};

#[test]
fn delayed_mail_passes_unchanged_and_its_delay_is_logged() {
    testkit::needs!(testkit::root_for("Postfix"));
    let builder = Daemon::builder(Program::Ours).arg("--no-x-greylist-header");
    let (builder, mut clock) = Clock::of(builder);
    let daemon = builder.start();
    let postfix = Postfix::start(&match daemon.listener() {
        Listener::Unix(path) => format!("unix:{}", path.display()),
        Listener::Tcp(address) => format!("inet:{address}"),
    });
    let envelope = Envelope::from_client("198.51.100.7").named("mail.sender.test");
    let replies = postfix.offer(&envelope);
    assert!(replies[0].starts_with("450 4.2.0 "), "{replies:?}");

    clock.advance(Duration::from_secs(300));
    let copies = postfix.deliver(&envelope);
    assert_eq!(copies.len(), 1);
    assert!(!copies[0].to_ascii_lowercase().contains("x-greylist"), "{}", copies[0]);
    let log = daemon.log();
    let told = "action=pass, reason=triplet found, delay=300, client_name=mail.sender.test";
    assert!(log.iter().any(|line| line.contains(told)), "{log:?}");
}
