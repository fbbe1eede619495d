//! Features beyond the original: each option does what the manual says, and
//! nothing without it.
mod blacklists;
mod dry_run;
mod recipients;
mod trust;

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
