//! `postgrey import` while the daemon runs: the daemon takes the rows, and goes
//! on answering.

use crate::import::exported;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use testkit::{Attempt, Daemon, Program, start_of_time};

const ROWS: usize = 20_000;

/// The limit for an answer on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A triplet that the daemon knows, and one that only the dump does.
const KNOWN: &str = "192.0.2.0/alice@sender.test/bob@example.org";
const UNKNOWN: &str = "198.51.100.0/alice@sender.test/bob@example.org";

/// Writes rows, and some that the daemon has as well.
fn dump(now: i64) -> String {
    let mut text = String::from("VERSION=3\nformat=print\nHEADER=END\n");
    for row in 0..ROWS {
        let (net, first) = (row.wrapping_mul(7919) & 0xffff, now - 90_000);
        writeln!(
            text,
            " 10.{}.{}.0/user{row}@sender.example/bob@example.org\n {first},{}",
            net >> 8,
            net & 0xff,
            first + 600
        )
        .expect("strings can grow");
    }
    for (key, first, last) in [(KNOWN, now - 50_000, now - 400), (UNKNOWN, now - 700, now - 10)] {
        writeln!(text, " {key}\n {first},{last}").expect("strings can grow");
    }
    text + " 192.0.2.7\n 9,1700000000\n nonsense\n 1,1\nDATA=END\n"
}

#[test]
fn a_running_daemon_imports_and_continues_to_answer() {
    let daemon = Daemon::builder(Program::Ours).start();
    let now = start_of_time();
    let mut client = daemon.client();
    let ask =
        |address: &str| Attempt::new(address, "a.test", "alice@sender.test", "bob@example.org");
    assert!(client.ask(&ask("192.0.2.1").at(-60)).starts_with("DEFER"));

    let dbdir = daemon.scratch().dbdir_option();
    let mut import = Command::new(Program::Ours.path());
    import.args(["import", "--from=-", &dbdir]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut import = import.spawn().expect("postgrey");
    let mut input = import.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || input.write_all(dump(now).as_bytes()));
    let mut replies = 0;
    while import.try_wait().expect("a child").is_none() {
        let (begin, sender) = (Instant::now(), format!("new{replies}@sender.test"));
        let attempt = Attempt::new("203.0.113.9", "a.test", &sender, "bob@example.org");
        assert!(client.ask(&attempt).starts_with("DEFER"), "{sender}");
        assert!(begin.elapsed() < TIMEOUT, "{:?}", begin.elapsed());
        replies += 1;
    }
    writer.join().expect("a thread").expect("all was read");
    assert!(replies > 10, "only {replies} replies meanwhile");

    let output = import.wait_with_output().expect("its end");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "imported 20002 triplets and 1 client from standard input; 1 row was not imported: \
         \"nonsense\" is the key of no triplet and no client\n"
    );
    // Both have waited long enough by what the dump knew.
    for address in ["192.0.2.1", "198.51.100.1"] {
        assert_eq!(client.ask(&ask(address).at(0)), "DUNNO", "{address}");
    }
    let scratch = daemon.stop().scratch;
    let rows = exported(&scratch, "--triplets");
    let imported = rows.lines().filter(|line| line.starts_with(" 10.")).count();
    assert_eq!((imported, rows.lines().count() / 2), (ROWS, ROWS + 2 + replies));
    // The daemon saw it later, and the dump had seen it long before.
    let merged = format!(" {KNOWN}\n {},{now}\n", now - 60 - 49_600);
    assert!(rows.contains(&merged), "{rows}");
    assert_eq!(exported(&scratch, "--clients"), " 192.0.2.7\n 9,1700000000\n");
}
