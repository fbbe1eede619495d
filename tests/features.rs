//! What the original has not, end to end on the real binary: each option does
//! what the manual says, and nothing without it.

mod harness;

#[path = "features/dry_run.rs"]
mod dry_run;
#[path = "features/trust.rs"]
mod trust;

use harness::{Attempt, Builder, Daemon, Program};

/// A request of a client that no list knows.
fn stranger() -> Attempt {
    Attempt::new("192.0.2.1", "mx.a.test", "alice@a.test", "bob@example.org")
}

fn ours(options: &[&str]) -> Builder {
    options.iter().fold(Daemon::builder(Program::Ours), |builder, option| builder.arg(*option))
}

/// Whether a reply defers.
fn defers(reply: &str) -> bool {
    reply.starts_with("DEFER_IF_PERMIT Greylisted, see http://")
}

/// How many lines of a log hold a text.
fn count(log: &[String], text: &str) -> usize {
    log.iter().filter(|line| line.contains(text)).count()
}
