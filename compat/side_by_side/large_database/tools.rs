//! The time of the administration commands on large databases, and their effect on
//! replies.

#![expect(clippy::print_stdout, reason = "the results are for the terminal")]

use super::{YOUNG, fill, in_order, load, report, scattered};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use testkit::{Daemon, Program, start_of_time};

fn postgrey(dbdir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(Program::Ours.path());
    command.args(words).arg(format!("--dbdir={}", dbdir.display())).stdin(Stdio::null());
    command
}

/// Runs a command to its end. Gives how long it took, and how much memory at
/// most, in KiB, of which the file's pages are a part.
fn measured(mut command: Command) -> (Duration, String) {
    let begin = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().expect("postgrey");
    let mut most = String::new();
    while child.try_wait().expect("a child").is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let lines: Vec<String> = ["VmHWM:", "RssAnon:"]
            .iter()
            .filter_map(|name| status.as_ref().ok()?.lines().find(|line| line.starts_with(name)))
            .map(str::to_string)
            .collect();
        if lines.len() == 2 {
            most = lines.join(", ").replace('\t', " ");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    (begin.elapsed(), most)
}

pub fn looking_at_five_million_triplets() {
    let builder = Daemon::builder(Program::under_test());
    let dbdir = builder.scratch().subdirectory("db");
    fill(&dbdir, 5_000_000, in_order, |_| YOUNG);
    let daemon = builder.start();
    for words in [
        &["list", "--recipient=04999999somebody4999999@example.org"] as &[&str],
        &["list", "--state=passed", "--sort=last", "--limit=10"],
        &["list", "--client=192.0.2.1", "--limit=10"],
        &["stats"],
        &["export"],
    ] {
        let (time, memory) = measured(postgrey(&dbdir, words));
        println!("{words:?}: {time:?}, {memory}");
    }
    drop(daemon.stop());
}

/// Loads a daemon with a hundred requests a second while a command runs.
fn beside(daemon: &Daemon, what: &str, first: usize, mut child: Child) {
    let begin = Instant::now();
    let times = load(daemon, first, || child.try_wait().expect("a child").is_some());
    report(what, &times);
    println!("{what}: at most {:?}", begin.elapsed());
    assert!(child.wait().expect("a child").success(), "{what}");
}

pub fn large_changes_under_load() {
    let builder = Daemon::builder(Program::under_test());
    let dbdir = builder.scratch().subdirectory("db");
    // A thousandth of the million is each sender's.
    fill(&dbdir, 1_000_000, scattered, |_| YOUNG);
    let daemon = builder.start();
    let begin = Instant::now();
    let usual = load(&daemon, 0, || begin.elapsed() > Duration::from_secs(5));
    report("before", &usual);

    let dump = daemon.scratch().file("dump", rows(100_000));
    let import = postgrey(&dbdir, &["import", &format!("--from={}", dump.display())]).spawn();
    beside(&daemon, "importing 100,000 rows", 1_000_000, import.expect("postgrey"));
    let forget = postgrey(&dbdir, &["forget", "--sender-domain=imported.test"]).spawn();
    beside(&daemon, "forgetting them by their domain", 2_000_000, forget.expect("postgrey"));
    let forget = postgrey(&dbdir, &["forget", "--sender-domain=sender7.test"]).spawn();
    beside(&daemon, "forgetting a thousand", 3_000_000, forget.expect("postgrey"));
}

fn rows(count: usize) -> String {
    let mut text = String::from("VERSION=3\nformat=print\nHEADER=END\n");
    let last = start_of_time() - 5000;
    for row in 0..count {
        let [.., a, b, c] = row.wrapping_mul(0x9e37_79b9).to_be_bytes();
        writeln!(
            text,
            " {a}.{b}.{c}.0/user{row}@imported.test/bob@example.org\n {},{last}",
            last - 900
        )
        .expect("strings can grow");
    }
    text + "DATA=END\n"
}
