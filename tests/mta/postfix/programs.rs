//! SMTP clients that others wrote: swaks for one exact dialogue, smtp-source for
//! load.

use super::instance::Postfix;
use std::process::{Command, Output};
use testkit::require;

/// One message from alice@sender.test to bob@example.org by swaks, played as the
/// client with an address as XCLIENT writes it. Gives its account of the
/// dialogue.
pub fn swaks(postfix: &Postfix, address: &str) -> String {
    let output = run(
        "/usr/bin/swaks",
        "swaks",
        &[
            &format!("--server={}", postfix.address()),
            "--helo=mail.sender.test",
            &format!("--xclient-addr={address}"),
            "--xclient-name=mail.sender.test",
            "--from=alice@sender.test",
            "--to=bob@example.org",
        ],
    );
    String::from_utf8(output.stdout).expect("plain text")
}

/// Sends messages by smtp-source on 20 connections, from 127.0.0.1, to the
/// numbered recipients, such as 1bob@example.org or, with Postfix 3.10,
/// bob1@example.org. Gives its complaints, one for each that was refused.
pub fn smtp_source(postfix: &Postfix, messages: usize) -> Vec<String> {
    let output = run(
        "/usr/sbin/smtp-source",
        "postfix",
        &[
            "-A", // goes on after a refusal
            "-d", // several messages a connection
            "-N", // numbers the recipients
            "-s20",
            &format!("-m{messages}"),
            "-l500", // bytes of a body
            "-Mload.test",
            "-falice@sender.test",
            "-tbob@example.org",
            &postfix.address(),
        ],
    );
    assert!(output.status.success(), "{output:?}");
    let complaints = String::from_utf8(output.stderr).expect("plain text");
    complaints.lines().map(str::to_string).collect()
}

fn run(program: &str, package: &str, arguments: &[&str]) -> Output {
    require(program, package);
    let output = Command::new(program).args(arguments).output();
    output.unwrap_or_else(|error| panic!("{program}: {error}"))
}
