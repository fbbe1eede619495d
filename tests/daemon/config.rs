//! A daemon with a file of options: it applies them, the command line overrides
//! them, and errors in the file are reported first, with their lines.

use testkit::{Attempt, Daemon, Program};

/// The first reply of a daemon with this file and these options.
fn first_reply(file: &str, options: &[&str]) -> String {
    let mut builder = Daemon::builder(Program::Ours);
    let path = builder.scratch().file("postgrey.conf", file);
    builder = builder.arg(format!("--config={}", path.display()));
    let daemon = builder.args(options).start();
    let reply = daemon.client().ask(&Attempt::to("b@example.org"));
    assert!(daemon.stop().status.success());
    reply
}

#[test]
fn the_command_line_overrides_the_file() {
    let file = "# Ours\ngreylist-action = 451\ngreylist-text = \"Wait %s seconds\"\ndelay = 77\n";
    assert_eq!(first_reply(file, &[]), "451 Wait 77 seconds");
    assert_eq!(first_reply(file, &["--delay=99"]), "451 Wait 99 seconds");
    assert_eq!(first_reply(file, &["--greylist-text="]), "451 Wait 77 seconds");
}

#[test]
fn an_invalid_line_is_a_start_up_error() {
    let builder = Daemon::builder(Program::Ours);
    let path = builder.scratch().file("postgrey.conf", "delay=60\nretry-window=often\ndely=1\n");
    let shown = path.display().to_string();
    let stopped = builder.arg(format!("--config={shown}")).fail_to_start();
    assert_eq!(stopped.status.code(), Some(2));
    let log = stopped.log.join("\n");
    assert!(log.contains(&format!("ERROR: {shown}:2: --retry-window must be")), "{log}");
    assert!(log.contains(&format!("ERROR: {shown}:3: Unknown option: dely")), "{log}");
    assert!(!stopped.scratch.path().join("db/postgrey.mdb").exists(), "it continued");
}
