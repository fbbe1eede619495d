//! Commands on a database, and a database for them.

use std::path::Path;
use testkit::tool::{Finished, postgrey, run};
use testkit::{Attempt, Builder, Daemon, Program};

pub fn command(directory: &Path, line: &str) -> Finished {
    run(postgrey(line).arg(format!("--dbdir={}", directory.display())))
}

#[track_caller]
pub fn output(directory: &Path, line: &str) -> String {
    command(directory, line).success()
}

/// Asserts the number of entries that a command changes, such as `forgot 1 entry`.
#[track_caller]
pub fn assert_changes(directory: &Path, line: &str, expected: &str) {
    let out = output(directory, line);
    let is_summary = |line: &&str| line.starts_with("allowed ") || line.starts_with("forgot ");
    let summary: Vec<&str> = out.lines().filter(is_summary).collect();
    assert_eq!(summary, [expected], "{line}");
}

#[track_caller]
pub fn assert_no_match(directory: &Path, line: &str) {
    command(directory, line).refusal(1, "postgrey: nothing matched\n");
}

/// The keys of the entries that a command prints.
#[track_caller]
pub fn keys(directory: &Path, line: &str) -> Vec<String> {
    let key = |line: &str| {
        let key = line.split("\"key\":\"").nth(1).expect("a key");
        key.strip_suffix("\"}").expect("the last field").to_owned()
    };
    output(directory, &format!("{line} --json")).lines().map(key).collect()
}

/// Runs a test next to a daemon, and again after its end.
pub fn with_and_without(daemon: Daemon, test: impl Fn(&Path)) {
    test(&daemon.dbdir());
    test(&daemon.stop().dbdir());
}

pub const ALICE: &str = "192.0.2.0/alice@sender.test/bob@example.org";
pub const BOUNCE: &str = "192.0.2.0//carol@example.org";
pub const NEWS: &str = "198.51.100.0/news42@lists.sender.test/bob@example.org";
pub const DAVE: &str = "2001:db8:0:0:0:0:0:0/dave@other.test/bob@example.net";

pub fn attempt(client: &str, sender: &str, recipient: &str) -> Attempt {
    Attempt::new(client, "mx.test", sender, recipient)
}

/// A daemon that knows these four triplets, of which NEWS has passed. No other
/// passes within the ten minutes of its delay.
pub fn daemon() -> Daemon {
    started(Daemon::builder(Program::Ours))
}

pub fn started(builder: Builder) -> Daemon {
    let daemon = builder.arg("--delay=600").start();
    let mut client = daemon.client();
    for (address, sender, recipient, ago) in [
        ("192.0.2.1", "alice@sender.test", "bob@example.org", 100),
        ("192.0.2.2", "", "carol@example.org", 50),
        ("198.51.100.7", "news42@lists.sender.test", "bob@example.org", 1000),
        ("2001:db8::1", "dave@other.test", "bob@example.net", 10),
    ] {
        client.ask(&attempt(address, sender, recipient).at(-ago));
    }
    let old = attempt("198.51.100.7", "news42@lists.sender.test", "bob@example.org");
    assert!(client.ask(&old.at(-300)).starts_with("PREPEND "));
    daemon
}
