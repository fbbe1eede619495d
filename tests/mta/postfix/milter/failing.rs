//! A milter that fails where it does not stop, and `milter_default_action`.

use crate::postfix::instance::Postfix;
use crate::postfix::{assert_delivered_unchanged, client};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use testkit::Scratch;

/// Listens, and keeps each connection without a word or hangs up, until the
/// test's program ends.
fn failing_milter(scratch: &Scratch, hangs_up: bool) -> PathBuf {
    let socket = scratch.path().join("milter");
    let listener = UnixListener::bind(&socket).expect("a socket");
    // The user postfix is no friend of the test's.
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).expect("chmod");
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            kept.extend(stream.ok().filter(|_| !hangs_up));
        }
    });
    socket
}

fn postfix(scratch: &Scratch, hangs_up: bool, action: &str) -> Postfix {
    let socket = failing_milter(scratch, hangs_up);
    Postfix::start_with(&format!(
        "smtpd_recipient_restrictions = reject_unauth_destination\n\
         smtpd_milters = unix:{}\n\
         milter_default_action = {action}\n\
         milter_connect_timeout = 1s\n\
         milter_command_timeout = 1s\n",
        socket.display()
    ))
}

#[test]
fn mail_flows_though_the_milter_hangs_up_or_says_nothing() {
    testkit::needs!(testkit::root_for("Postfix"));
    for (hangs_up, what) in [(true, "it hangs up"), (false, "it says nothing")] {
        let scratch = Scratch::new();
        let postfix = postfix(&scratch, hangs_up, "accept");
        assert_delivered_unchanged(&postfix, what, &client("198.51.100.7"));
    }
}

#[test]
fn mail_is_deferred_by_the_default_action_of_postfix() {
    testkit::needs!(testkit::root_for("Postfix"));
    let scratch = Scratch::new();
    let postfix = postfix(&scratch, true, "tempfail");
    let swaks = std::process::Command::new("swaks")
        .args(["--server", &postfix.address(), "--from=alice@sender.test", "--to=bob@example.org"])
        .args(["--quit-after=RCPT", "--hide-informational"])
        .output()
        .expect("swaks");
    let dialogue = String::from_utf8_lossy(&swaks.stdout).into_owned();
    assert!(dialogue.contains("451 4.7.1 Service unavailable - try again later"), "{dialogue}");
}
