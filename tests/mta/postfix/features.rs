//! Options that the original has not, as the clients of a real Postfix meet
//! them. Needs root, and the package postfix. No restriction of Postfix's own
//! comes first but that against relaying.

use super::instance::Postfix;
use crate::smtp::Envelope;
use testkit::{Builder, Daemon, Listener, Program};

const DEFERRED: &str = "450 4.2.0 <bob@example.org>: Recipient address rejected: Greylisted, \
                        see http://postgrey.schweikert.ch/help/example.org.html";

const ACCEPTED: &str = "250 2.1.5 Ok";

fn start(builder: Builder) -> (Postfix, Daemon) {
    let daemon = builder.start();
    let Listener::Unix(path) = daemon.listener().clone() else { panic!("a socket") };
    (Postfix::start(&format!("unix:{}", path.display())), daemon)
}

fn client(address: &str) -> Envelope {
    Envelope::from_client(address).named("mail.sender.test")
}

#[test]
fn users_and_own_networks_pass_where_they_are_trusted() {
    testkit::needs!(testkit::root_for("Postfix"));
    let builder = Daemon::builder(Program::Ours)
        .arg("--trust-authenticated")
        .arg("--trusted-networks=198.18.99.0/24,2001:db8:99::/48");
    let (postfix, _daemon) = start(builder);
    for (envelope, reply) in [
        (client("198.51.100.7"), DEFERRED),
        (client("198.51.100.7").logged_in("joe"), ACCEPTED),
        (client("198.18.99.7"), ACCEPTED),
        (client("2001:db8:99::7"), ACCEPTED),
        (client("2001:db8:98::7"), DEFERRED),
    ] {
        assert_eq!(postfix.offer(&envelope), [reply], "{envelope:?}");
    }
}

fn with_list(builder: Builder, option: &str, text: &str) -> Builder {
    let path = builder.scratch().file(option, text);
    builder.arg(format!("--{option}={}", path.display()))
}

#[test]
fn those_on_a_blacklist_are_refused_for_good_unless_a_whitelist_has_them() {
    testkit::needs!(testkit::root_for("Postfix"));
    let builder = Daemon::builder(Program::Ours);
    let builder = with_list(builder, "whitelist-senders", "boss@spam.test\n");
    let builder = with_list(builder, "blacklist-clients", "198.51.100.0/24\n");
    let builder = with_list(builder, "blacklist-senders", "spam.test\n");
    let (postfix, _daemon) = start(builder);
    let refused = "554 5.7.1 <bob@example.org>: Recipient address rejected: Access denied";
    for (envelope, reply) in [
        (client("198.51.100.7"), refused),
        (client("198.51.100.7").sender("boss@spam.test"), ACCEPTED),
        (client("192.0.2.7").sender("news@spam.test"), refused),
        (client("192.0.2.7"), DEFERRED),
    ] {
        assert_eq!(postfix.offer(&envelope), [reply], "{envelope:?}");
    }
}
