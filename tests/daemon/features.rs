//! Features beyond the original: each option does what the manual says, and
//! nothing without it.
mod blacklists;
mod dry_run;
mod recipients;

use testkit::{Attempt, Builder, Daemon, Program};

fn stranger() -> Attempt {
    Attempt::new("192.0.2.1", "mx.a.test", "alice@a.test", "bob@example.org")
}

fn ours(options: &[&str]) -> Builder {
    Daemon::builder(Program::Ours).args(options)
}

fn defers(reply: &str) -> bool {
    reply.starts_with("DEFER_IF_PERMIT Greylisted, see http://")
}

fn count(log: &[String], text: &str) -> usize {
    log.iter().filter(|line| line.contains(text)).count()
}

#[test]
fn without_the_header_a_delayed_mail_passes_unchanged_and_its_delay_is_logged() {
    let daemon = ours(&["--no-x-greylist-header"]).start();
    let mut client = daemon.client();
    client.assert_deferred(&stranger().at(0));
    assert_eq!(client.ask(&stranger().at(300)), "DUNNO");
    let log = daemon.stop().log;
    assert_eq!(count(&log, "action=pass, reason=triplet found, delay=300, client_name="), 1);
}

#[test]
fn authenticated_mail_passes_without_an_entry() {
    let daemon = ours(&["--trust-authenticated", "--verbose"]).start();
    let mut client = daemon.client();
    let user = stranger().with("sasl_method", "PLAIN").with("sasl_username", "joe");
    assert_eq!(client.ask(&user.clone().at(0)), "DUNNO");
    assert_eq!(client.ask(&user.at(300)), "DUNNO");
    // The login counts for this one request, and Postfix sends an empty name
    // of those who have none.
    assert!(defers(&client.ask(&stranger().at(300))));
    assert!(defers(&client.ask(&stranger().with("sasl_username", "").at(300))));
    let log = daemon.stop().log;
    assert_eq!(count(&log, "action=pass, reason=authenticated client, client_name=mx.a.test"), 2);
}
