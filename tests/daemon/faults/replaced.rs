//! A database file that other programs change while the daemon has it open.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use testkit::{Attempt, Client, Daemon, Program};

/// Attempts of one round; enough for a file of some pages.
const ATTEMPTS: usize = 50;

struct Site {
    daemon: Daemon,
    client: Client,
    file: PathBuf,
}

impl Site {
    /// A daemon that knows the first round.
    fn start() -> Site {
        let daemon = Daemon::builder(Program::Ours).start();
        let mut client = daemon.client();
        assert_eq!(known(&mut client, 0, 0), 0);
        let file = daemon.scratch().path().join("db/postgrey.mdb");
        // As each tool does, it has the daemon write its records to the file.
        daemon.tool("stats").success();
        Site { daemon, client, file }
    }

    /// Kills the daemon and starts it again. Returns how many of the attempts of
    /// the given rounds the new one knows, and the directory's files.
    fn known_after_kill<const N: usize>(self, rounds: [usize; N]) -> [usize; N] {
        drop(self.client);
        let daemon = self.daemon.kill().again(Program::Ours).start();
        let mut client = daemon.client();
        rounds.map(|round| known(&mut client, round, 400))
    }
}

/// Asks for the attempts of a round; returns how many of them pass.
fn known(client: &mut Client, round: usize, time: i64) -> usize {
    let mut passed = 0;
    for number in 0..ATTEMPTS {
        let sender = format!("alice{number}@round{round}.test");
        let attempt = Attempt::new("192.0.2.1", "a.test", &sender, "bob@example.org");
        let reply = client.ask(&attempt.at(time));
        passed += usize::from(reply.starts_with("PREPEND "));
    }
    passed
}

/// Another database, as an administrator would copy or move it in.
fn other(path: &Path, rounds: usize) -> PathBuf {
    let daemon = Daemon::builder(Program::Ours).start();
    let mut client = daemon.client();
    for round in 0..rounds {
        known(&mut client, 100 + round, 0);
    }
    drop(client);
    let stopped = daemon.stop();
    let other = path.with_file_name("other");
    fs::copy(stopped.scratch.path().join("db/postgrey.mdb"), &other).expect("a copy");
    other
}

#[test]
fn a_file_that_is_deleted_is_written_again_with_all_records() {
    let mut site = Site::start();
    fs::remove_file(&site.file).expect("the database");
    let line = site.daemon.wait_for_line(" was deleted while the daemon runs; ");
    assert!(line.ends_with("(postgrey clear deletes them)"), "{line}");
    assert_eq!(known(&mut site.client, 1, 0), 0, "they are new");
    assert_eq!(site.known_after_kill([0, 1]), [ATTEMPTS, ATTEMPTS]);
}

/// Requests right after the deletion are answered from the old file, and their records
/// are in the new one.
#[test]
fn requests_after_a_deletion_are_in_the_new_file() {
    let mut site = Site::start();
    for round in 1..20 {
        fs::remove_file(&site.file).expect("the database");
        assert_eq!(known(&mut site.client, round, 0), 0);
        assert!(site.file.exists(), "round {round}");
    }
    let known = site.known_after_kill([0, 1, 10, 19]);
    assert_eq!(known, [ATTEMPTS; 4]);
}

#[test]
fn a_replaced_file_is_kept_next_to_the_new_one() {
    let mut site = Site::start();
    let other = other(&site.file, 1);
    let bytes = fs::read(&other).expect("the other file");
    fs::rename(&other, &site.file).expect("a rename");
    let line = site.daemon.wait_for_line(" was replaced while the daemon runs; ");
    let kept = site.file.with_extension("mdb.replaced");
    assert!(line.contains(&kept.display().to_string()), "{line}");
    assert_eq!(fs::read(&kept).expect("the other file"), bytes);
    assert_eq!(known(&mut site.client, 1, 0), 0, "they are new");
    assert_eq!(site.known_after_kill([0, 1, 100]), [ATTEMPTS, ATTEMPTS, 0]);
}

#[test]
fn a_file_that_is_cut_off_does_not_end_the_daemon() {
    for pages in [0, 1, 2, 5] {
        let mut site = Site::start();
        let file = File::options().write(true).open(&site.file).expect("the database");
        file.set_len(pages * 4096).expect("a shorter file");
        let passed = known(&mut site.client, 0, 400);
        assert_eq!(passed, 0, "{pages} pages: their records are gone");
        site.daemon.wait_for_line(" was cut off while the daemon runs; ");
        let stopped = site.daemon.stop();
        assert_eq!(stopped.status.code(), Some(0), "{pages} pages: {:#?}", stopped.log);
    }
}

#[test]
fn a_file_that_is_overwritten_is_opened_again() {
    let mut site = Site::start();
    let other = other(&site.file, 10);
    fs::copy(&other, &site.file).expect("a copy onto the file");
    site.daemon.wait_for_line(" while the daemon runs; it was opened again as it is now");
    assert_eq!(known(&mut site.client, 101, 400), ATTEMPTS);
    assert_eq!(known(&mut site.client, 1, 0), 0);
    assert_eq!(site.known_after_kill([0, 1, 100, 109]), [0, ATTEMPTS, ATTEMPTS, ATTEMPTS]);
}

#[test]
fn a_journal_that_is_deleted_or_replaced_is_made_again_with_all_records() {
    let mut site = Site::start();
    let journal = site.file.with_file_name("postgrey.journal");
    assert_eq!(known(&mut site.client, 1, 0), 0, "they are new");
    fs::remove_file(&journal).expect("the journal");
    site.daemon
        .wait_for_line("postgrey.journal was deleted or replaced; it was made again with 50 ");
    let other = site.file.with_file_name("other");
    fs::write(&other, "another file").expect("a file");
    fs::rename(&other, &journal).expect("a rename");
    assert_eq!(known(&mut site.client, 2, 0), 0, "they are new");
    assert_eq!(site.known_after_kill([0, 1, 2]), [ATTEMPTS; 3]);
}
