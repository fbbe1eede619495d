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
