//! The policy server as Exim's `readsocket` uses it: one request per connection,
//! a half-close, and the reply up to the end of file. An access list fails open,
//! so an unanswered request is a message without greylisting.

use testkit::{Attempt, Daemon, Program};

const GREYLISTED: &str =
    "DEFER_IF_PERMIT Greylisted, see http://postgrey.schweikert.ch/help/example.org.html";

/// An attempt as Exim sends it: no `etrn_domain`, hence no `4.2.0` in the reply,
/// an empty name for a client without one, and an instance made of all three.
fn exims_attempt() -> Attempt {
    Attempt::new("198.51.100.7", "", "alice@sender.test", "bob@example.org")
        .with("protocol_state", "RCPT")
        .with("protocol_name", "ESMTP")
        .with("helo_name", "mail.sender.test")
        .with("instance", "198.51.100.7/alice@sender.test/bob@example.org")
}

fn daemon(options: &[&str]) -> Daemon {
    let builder = Daemon::builder(Program::under_test());
    let builder = builder.args(options);
    builder.start()
}

/// Sends a request, closes its half and gives what came until the end of file.
fn read_socket(daemon: &Daemon, attempt: &Attempt) -> Vec<String> {
    let mut client = daemon.client();
    client.send(&attempt.bytes());
    client.half_close();
    std::iter::from_fn(|| client.reply()).collect()
}

fn assert_serves_read_socket(options: &[&str]) {
    let daemon = daemon(options);
    let first = read_socket(&daemon, &exims_attempt().at(0));
    assert_eq!(first, [GREYLISTED], "{options:?}");
    let early = read_socket(&daemon, &exims_attempt().at(299));
    assert_eq!(early, [GREYLISTED], "{options:?}");
    let retry = read_socket(&daemon, &exims_attempt().at(300));
    let header = "PREPEND X-Greylist: delayed 300 seconds by ";
    assert!(retry.len() == 1 && retry[0].starts_with(header), "{options:?}: {retry:?}");
    let known = read_socket(&daemon, &exims_attempt().at(301));
    assert_eq!(known, ["DUNNO"], "{options:?}");
}

#[test]
fn a_half_closed_connection_gets_its_reply_and_the_end() {
    assert_serves_read_socket(&[]);
}

#[test]
fn a_half_closed_connection_gets_its_reply_and_the_end_with_exim() {
    assert_serves_read_socket(&["--exim"]);
}

#[test]
fn a_request_cut_off_by_the_half_close_gets_the_end_alone() {
    for options in [&[][..], &["--exim"]] {
        let daemon = daemon(options);
        let mut client = daemon.client();
        let bytes = exims_attempt().at(0).bytes();
        client.send(&bytes[..bytes.len() - 1]);
        client.half_close();
        assert_eq!(client.reply(), None, "{options:?}");
    }
}

#[test]
fn with_exim_the_server_closes_after_the_reply_by_itself() {
    let daemon = daemon(&["--exim"]);
    let mut client = daemon.client();
    assert_eq!(client.ask(&exims_attempt().at(0)), GREYLISTED);
    assert_eq!(client.reply(), None);
}

#[test]
fn without_exim_the_connection_stays_open() {
    let daemon = daemon(&[]);
    let mut client = daemon.client();
    for seconds in [0, 1, 299] {
        assert_eq!(client.ask(&exims_attempt().at(seconds)), GREYLISTED);
    }
}
