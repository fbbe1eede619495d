//! Clients that have logged in (SMTP AUTH).

use super::instance::{RECOMMENDED, Sendmail};
use crate::DEFERRED;
use crate::sendmail::{chroot, start_with};
use std::time::Duration;
use testkit::skip;

const STRANGER: &str = "198.51.100.7";

#[test]
fn authenticated_mail_passes_without_an_entry() {
    let Some(chroot) = chroot() else {
        return;
    };
    let sendmail = Sendmail::prepare(&chroot, RECOMMENDED);
    if !sendmail.add_login("joe", "open sesame") {
        skip("logins to Sendmail: its chroot has no sasl2-bin, run compat/sendmail");
        return;
    }
    let mut site = start_with(sendmail, &["-v".to_string()]);
    let offer = |password: &str| {
        site.sendmail.offer_as(("joe@mx.test.example", password), STRANGER, "alice@sender.test")
    };
    let told = offer("open sesame");
    assert!(told.contains("235 2.0.0 OK Authenticated"), "{told}");
    assert!(told.contains("Recipient ok"), "{told}");
    let told = offer("guessed");
    assert!(told.contains("535 5.7.0 authentication failed"), "{told}");

    // What the login let pass left no entry that could be old enough now.
    site.clock.advance(Duration::from_secs(300));
    let told = site.sendmail.offer(STRANGER, "alice@sender.test", "bob@example.org");
    assert!(told.contains(DEFERRED), "{told}");
    let log = site.daemon.stop().log;
    let passed = "action=pass, reason=authenticated client, client_name=mail.sender.test, \
                  client_address=198.51.100.7, sender=alice@sender.test";
    assert_eq!(log.iter().filter(|line| line.contains(passed)).count(), 1, "{log:#?}");
    assert_eq!(log.iter().filter(|line| line.contains("reason=new")).count(), 1, "{log:#?}");
}
