//! A daemon with a file of options: it applies them, the command line overrides
//! them, and errors in the file are reported first, with their lines.

use std::fs;
use std::process::Command;
use testkit::{Attempt, Daemon, Program};

fn new_mail() -> Attempt {
    Attempt::new("192.0.2.7", "mx.client.example", "a@client.example", "b@example.org").at(0)
}

/// The first reply of a daemon with this file and these options.
fn first_reply(file: &str, options: &[&str]) -> String {
    let mut builder = Daemon::builder(Program::Ours);
    let path = builder.scratch().file("postgrey.conf", file);
    builder = builder.arg(format!("--config={}", path.display()));
    for option in options {
        builder = builder.arg(*option);
    }
    let daemon = builder.start();
    let reply = daemon.client().ask(&new_mail());
    assert!(daemon.stop().status.success());
    reply
}

#[test]
fn a_daemon_serves_by_its_file_and_the_command_line_wins() {
    let file = "# Ours\ngreylist-action = 451\ngreylist-text = \"Wait %s seconds\"\ndelay = 77\n";
    assert_eq!(first_reply(file, &[]), "451 Wait 77 seconds");
    assert_eq!(first_reply(file, &["--delay=99"]), "451 Wait 99 seconds");
    assert_eq!(first_reply(file, &["--greylist-text="]), "451 Wait 77 seconds");
}

#[test]
fn a_file_of_lists_adds_to_those_that_are_typed() {
    let builder = Daemon::builder(Program::Ours);
    let list = builder.scratch().file("ours", "mx.client.example\n");
    let file = format!("whitelist-clients={}\n", list.display());
    let path = builder.scratch().file("postgrey.conf", file);
    let daemon = builder.arg(format!("--config={}", path.display())).start();
    assert_eq!(daemon.client().ask(&new_mail()), "DUNNO");
    daemon.stop();
}

#[test]
fn a_line_that_makes_no_sense_keeps_the_daemon_from_starting() {
    let builder = Daemon::builder(Program::Ours);
    let path = builder.scratch().file("postgrey.conf", "delay=60\nretry-window=often\ndely=1\n");
    let shown = path.display().to_string();
    let stopped = builder.arg(format!("--config={shown}")).start_in_vain();
    assert_eq!(stopped.status.code(), Some(2));
    let log = stopped.log.join("\n");
    assert!(log.contains(&format!("ERROR: {shown}:2: --retry-window must be")), "{log}");
    assert!(log.contains(&format!("ERROR: {shown}:3: Unknown option: dely")), "{log}");
    assert!(!stopped.scratch.path().join("db/postgrey.mdb").exists(), "it went on");
}

#[test]
fn json_findings_have_file_and_line() {
    let scratch = testkit::Scratch::new();
    let lists = "whitelist-clients=/dev/null\nwhitelist-recipients=/dev/null\n";
    let path = scratch.file("postgrey.conf", lists);
    let check = |words: &[&str]| {
        let mut command = Command::new(Program::Ours.path());
        command.arg("check").arg(format!("--config={}", path.display())).args(words);
        let output = command.output().expect("our binary");
        let text = String::from_utf8_lossy(&output.stdout).replace("\n    ", " ");
        (output.status.code(), text)
    };
    let (status, text) = check(&[]);
    assert_eq!(status, Some(0), "{text}");
    fs::write(&path, format!("{lists}delay=5\n")).expect("a file");
    let (status, text) = check(&[]);
    assert!(status == Some(1) && text.contains("--delay=5 defers hardly any spam"), "{text}");
    let (status, text) = check(&["--delay=60"]);
    assert_eq!(status, Some(0), "the command line wins: {text}");
    fs::write(&path, format!("{lists}delay=5s\nprivacy=on\n")).expect("a file");
    let (status, text) = check(&[]);
    assert_eq!(status, Some(2), "{text}");
    for (line, what) in [(3, "Value \"5s\" invalid"), (4, "Option privacy does not take")] {
        let expected = format!("{}:{line}: error {what}", path.display());
        assert!(text.contains(&expected), "{expected}\n{text}");
    }
}
