//! Real mail servers and a real Debian package. Needs root and minutes; tests
//! that cannot run are skipped and reported.

mod chroot;
mod exim;
mod opensmtpd;
mod package;
mod package_relations;
mod postfix;
mod proxy;
mod sendmail;
mod smtp;

const PAGE: &str = include_str!("../../man/postgrey-mail-servers.7.in");

/// Asserts that postgrey-mail-servers(7) has a line that a real server sent or
/// wrote.
fn assert_in_manual(line: &str) {
    assert!(PAGE.contains(line), "postgrey-mail-servers(7) does not have: {line}");
}
