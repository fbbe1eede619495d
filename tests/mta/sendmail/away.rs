//! A milter that is away, or that fails.

use super::instance::{Running, Sendmail};
use crate::sendmail::chroot;
use testkit::milter::fail_at;

const PASSING: &str = "T=C:1s;S:1s;R:1s;E:1s";

const STRANGER: (&str, &str) = ("198.51.100.7", "alice@sender.test");

fn offer_without_a_milter(sendmail: &Running) -> String {
    sendmail.offer(STRANGER.0, STRANGER.1, "bob@example.org")
}

#[test]
fn mail_passes_with_the_recommended_flags_for_every_milter_failure() {
    let Some(chroot) = chroot() else { return };
    let absent = Sendmail::prepare(&chroot, PASSING).start();
    let dialogue = offer_without_a_milter(&absent);
    assert!(dialogue.contains("Recipient ok"), "no milter: {dialogue}");
    for hangs_up in [true, false] {
        let sendmail = Sendmail::prepare(&chroot, PASSING);
        // Sendmail refuses a socket that others may write to.
        fail_at(&sendmail.milter(), 0o600, hangs_up);
        let message = sendmail.start().deliver(STRANGER.0, STRANGER.1, "bob@example.org");
        assert!(!message.contains("X-Greylist"), "{message}");
    }
}
