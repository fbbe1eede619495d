//! A milter that is away, or that fails.

use super::instance::{Running, Sendmail};
use crate::sendmail::chroot;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

const PASSING: &str = "T=C:1s;S:1s;R:1s;E:1s";

/// Flags that no one is told to set: mail waits.
const WAITING: &str = "F=T, T=C:1s;S:1s;R:1s;E:1s";

const STRANGER: (&str, &str) = ("198.51.100.7", "alice@sender.test");

fn told_without_a_milter(sendmail: &Running) -> String {
    sendmail.offer(STRANGER.0, STRANGER.1, "bob@example.org")
}

/// Takes connections, and keeps them without a word or hangs up, until the
/// test's program ends.
fn fail_at(socket: &Path, hangs_up: bool) {
    let listener = UnixListener::bind(socket).expect("a socket");
    // Sendmail takes none that others may write to.
    fs::set_permissions(socket, Permissions::from_mode(0o600)).expect("chmod");
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            kept.extend(stream.ok().filter(|_| !hangs_up));
        }
    });
}

#[test]
fn mail_passes_with_the_recommended_flags_for_every_milter_failure() {
    let Some(chroot) = chroot() else {
        return;
    };
    let absent = Sendmail::prepare(&chroot, PASSING).start();
    let told = told_without_a_milter(&absent);
    assert!(told.contains("Recipient ok"), "no milter: {told}");
    for hangs_up in [true, false] {
        let sendmail = Sendmail::prepare(&chroot, PASSING);
        fail_at(&sendmail.milter(), hangs_up);
        let message = sendmail.start().deliver(STRANGER.0, STRANGER.1, "bob@example.org");
        assert!(!message.contains("X-Greylist"), "{message}");
    }
}

#[test]
fn mail_waits_with_the_flag_that_the_recipe_leaves_out() {
    let Some(chroot) = chroot() else {
        return;
    };
    let sendmail = Sendmail::prepare(&chroot, WAITING).start();
    let told = told_without_a_milter(&sendmail);
    assert!(told.contains("451 4.3.2 Please try again later"), "{told}");
}
