//! Real mail servers and a real Debian package. Needs root and minutes; tests
//! that cannot run are skipped and reported.

mod chroot;
mod exim;
mod opensmtpd;
mod package;
mod packaging;
mod postfix;
mod proxy;
mod sendmail;
mod smtp;

const PAGE: &str = include_str!("../../man/postgrey-mail-servers.7.in");

/// The default reply to a deferred client, for recipients at example.org, where it
/// is not Postfix that makes it of a policy server's answer.
const DEFERRED: &str =
    "451 4.7.1 Greylisted, see http://postgrey.schweikert.ch/help/example.org.html";

/// Asserts that postgrey-mail-servers(7) has a line that a real server sent or
/// wrote.
fn assert_in_manual(line: &str) {
    assert!(PAGE.contains(line), "postgrey-mail-servers(7) does not have: {line}");
}
