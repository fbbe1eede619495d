//! Options that the original does not have, where they depend on what Postfix
//! sends, or on what it makes of the answer.

use super::instance::Postfix;
use super::{ACCEPTED, client};
use testkit::{Daemon, Program, root_for};

const DEFERRED: &str = "450 4.2.0 <bob@example.org>: Recipient address rejected: Greylisted, \
                        see http://postgrey.schweikert.ch/help/example.org.html";

#[test]
fn authenticated_users_and_trusted_networks_pass() {
    testkit::needs!(root_for("Postfix"));
    let builder = Daemon::builder(Program::Ours)
        .arg("--trust-authenticated")
        .arg("--trusted-networks=198.18.99.0/24,2001:db8:99::/48");
    let daemon = builder.start();
    let postfix = Postfix::asking(&daemon);
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

#[test]
fn blacklisted_mail_is_refused_permanently_unless_whitelisted() {
    testkit::needs!(root_for("Postfix"));
    let builder = Daemon::builder(Program::Ours);
    let builder = builder.list("whitelist-senders", "boss@spam.test\n");
    let builder = builder.list("blacklist-clients", "198.51.100.0/24\n");
    let builder = builder.list("blacklist-senders", "spam.test\n");
    let daemon = builder.start();
    let postfix = Postfix::asking(&daemon);
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
