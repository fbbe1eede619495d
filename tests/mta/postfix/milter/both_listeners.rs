//! One mail is the same at both listeners.

use crate::postfix::client;
use crate::postfix::instance::Postfix;
use testkit::{Daemon, Program};

const ADDRESSES: [&str; 14] = [
    "bob@example.org",
    "Bob@Example.ORG",
    " bob@example.org ",
    "bob @ example.org",
    "<bob@example.org>",
    "bob(comment (in it))@example.org",
    "bob@example.org(comment)",
    "@relay.test:bob@example.org",
    "@a.test,@b.test:bob@example.org",
    "bob@example.org.",
    r#""bob"@example.org"#,
    r#""bo(b >"@example.org"#,
    r#""bo\"b"@example.org"#,
    r"bo\ b@example.org",
];

#[test]
fn one_mail_is_the_same_at_both_listeners() {
    testkit::needs!(testkit::root_for("Postfix"));
    let builder = Daemon::builder(Program::Ours);
    let socket = builder.scratch().path().join("milter");
    let daemon = builder
        .arg("--noaction")
        .arg(format!("--milter={}", socket.display()))
        .arg("--milter-socketmode=0666")
        .start();
    let postfix = Postfix::start_with(&format!(
        "smtpd_recipient_restrictions =\n    \
         reject_unauth_destination, check_policy_service unix:{}\n\
         smtpd_milters = unix:{}\n",
        daemon.socket().display(),
        socket.display()
    ));
    for address in ADDRESSES {
        let envelope = client("198.51.100.7").sender(address).recipients(&[address]);
        assert_eq!(postfix.offer(&envelope), ["250 2.1.5 Ok"], "{address}");
    }
    let log = daemon.stop().log;
    let asked: Vec<_> = log.iter().filter(|line| line.starts_with("action=greylist")).collect();
    assert_eq!(asked.len(), 2 * ADDRESSES.len(), "{log:#?}");
    for (listeners, address) in asked.chunks_exact(2).zip(ADDRESSES) {
        assert_eq!(listeners[0], listeners[1], "{address}");
    }
}
