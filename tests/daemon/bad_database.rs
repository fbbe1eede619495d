//! A start with an unusable database reports in one sentence what is wrong and
//! what to do. The daemon fails, deletes nothing and changes no file.
//!
//! Needs root, for files of other users and for mounts.
use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use testkit::namespace::Namespace;
use testkit::random::{self, Random};
use testkit::{Attempt, Builder, Daemon, Program, Stopped, program_for};

const START_AFRESH: &str =
    "to start with an empty database, move this file and its -lock file away";

/// A server that has ended, with 200 triplets in its database.
fn stopped() -> Stopped {
    let daemon = Daemon::builder(Program::under_test()).start();
    let mut client = daemon.client();
    for number in 0..200 {
        let recipient = format!("{number}@example.org");
        let attempt = Attempt::new("192.0.2.1", "a.test", "alice@sender.test", &recipient);
        client.ask(&attempt.at(0));
    }
    drop(client);
    daemon.stop()
}

fn dbdir(stopped: &Stopped) -> PathBuf {
    stopped.dbdir()
}

fn database(stopped: &Stopped) -> PathBuf {
    dbdir(stopped).join("postgrey.mdb")
}

/// All files of a directory with their bytes, except LMDB's lock file, which
/// every reader writes.
fn content(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(directory).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    // Both locks are written at each start.
    let paths = paths
        .filter(|path| !path.ends_with("postgrey.mdb-lock") && !path.ends_with("postgrey.lock"));
    paths.map(|path| (path.clone(), fs::read(path).expect("a file"))).collect()
}

fn again(stopped: Stopped) -> Builder {
    stopped.again(Program::under_test())
}

fn complaint(builder: Builder) -> (Stopped, String) {
    let stopped = builder.start_in_vain();
    assert!(stopped.status.code().is_some_and(|code| code > 0), "{stopped:?}");
    let last = stopped.log.last().expect("a reason").clone();
    let sentence = last.strip_prefix("ERROR: ").unwrap_or_else(|| panic!("{last}"));
    let sentence = sentence.replace(&stopped.scratch.path().display().to_string(), "DIR");
    (stopped, sentence)
}

/// The same, and everything in the directory stays as it is.
fn assert_refused(stopped: Stopped, expected: &str) {
    let before = content(&dbdir(&stopped));
    let (stopped, sentence) = complaint(again(stopped));
    assert_eq!(sentence, expected);
    assert!(content(&dbdir(&stopped)) == before, "the files have changed");
}

#[test]
fn a_file_of_another_program_is_refused() {
    let stopped = stopped();
    fs::write(database(&stopped), b"this is not a database\n".repeat(1000)).expect("a file");
    let why = "is not a database of this program, or is damaged";
    assert_refused(stopped, &format!("DIR/db/postgrey.mdb {why}; {START_AFRESH}"));
}

#[test]
fn a_file_that_was_cut_off_is_refused() {
    for pages in [1, 2, 3, 7] {
        let stopped = stopped();
        let file = File::options().write(true).open(database(&stopped)).expect("the database");
        file.set_len(pages * 4096).expect("a shorter file");
        let before = content(&dbdir(&stopped));
        let (stopped, sentence) = complaint(again(stopped));
        let names = ["is cut off", "is not a database of this program, or is damaged"];
        assert!(names.iter().any(|name| sentence.contains(name)), "{pages} pages: {sentence}");
        assert!(sentence.ends_with(START_AFRESH), "{sentence}");
        assert!(content(&dbdir(&stopped)) == before, "the files have changed");
    }
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    testkit::needs!(program_for(
        "a database of a newer version",
        "/usr/bin/mdb_load",
        "lmdb-utils"
    ));
    let stopped = stopped();
    let mut load = Command::new("/usr/bin/mdb_load")
        .args(["-n", "-s", "meta"])
        .arg(database(&stopped))
        .stdin(Stdio::piped())
        .spawn()
        .expect("mdb_load");
    let text = "VERSION=3\nformat=print\ntype=btree\nHEADER=END\n format\n 2\nDATA=END\n";
    load.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("a dump");
    assert!(load.wait().expect("mdb_load").success());
    let why = "has format 2, which this version does not know: a newer postgrey wrote it";
    let remedy = format!("start that one, or {START_AFRESH}");
    assert_refused(stopped, &format!("DIR/db/postgrey.mdb {why}; {remedy}"));
}

#[test]
#[allow(clippy::print_stderr, reason = "repeats a failure")]
fn damage_to_the_first_pages_is_survived_or_reported() {
    let seed = random::seed();
    eprintln!("POSTGREY_SEED={seed}");
    let mut random = Random::of(seed);
    let mut stopped = stopped();
    let sound = fs::read(database(&stopped)).expect("the database");
    for _ in 0..random::cases(60) {
        let mut damaged = sound.clone();
        for _ in 0..1 + random.below(3) {
            // Where LMDB keeps what it knows of the file, on both pages.
            let place = 4096 * random.below(2) + random.below(160);
            let value = [0, 1, 0x7f, 0x80, 0xff][random.below(5)];
            damaged[place] = value;
        }
        fs::write(database(&stopped), &damaged).expect("a file");
        // A daemon that cannot make its socket ends when all else is well.
        let builder = again(stopped).arg("--unix=/nonexistent/socket");
        let end = builder.start_in_vain();
        assert_eq!(end.status.signal(), None, "{:?}", end.log);
        let last = end.log.last().expect("a reason");
        assert!(last.starts_with("ERROR: "), "{last}");
        stopped = end;
    }
}

fn take_away(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o600)).expect("chmod");
    chown(path, Some(0), Some(0)).expect("root");
}

#[test]
fn files_of_another_user_are_named() {
    testkit::needs!(testkit::root_for("files of other users"));
    for name in ["postgrey.mdb", "postgrey.mdb-lock"] {
        let stopped = stopped();
        take_away(&dbdir(&stopped).join(name));
        let remedy = "give it to the user that postgrey runs as";
        let why = format!("can't open database DIR/db/{name}: Permission denied");
        assert_refused(stopped, &format!("{why}; {remedy}"));
    }
}

#[test]
fn a_lock_file_that_a_killed_server_left_is_taken_over() {
    let daemon = Daemon::builder(Program::under_test()).start();
    let attempt = Attempt::new("192.0.2.1", "a.test", "alice@sender.test", "bob@example.org");
    daemon.client().ask(&attempt.clone().at(0));
    let stopped = daemon.kill();
    let lock = dbdir(&stopped).join("postgrey.mdb-lock");
    assert!(lock.exists());
    // Even one in which nothing makes sense.
    fs::write(&lock, [0xa5; 8192]).expect("a file");
    let daemon = again(stopped).start();
    let reply = daemon.client().ask(&attempt.at(300));
    assert!(reply.starts_with("PREPEND "), "{reply}");
}

#[test]
fn a_directory_that_takes_no_files_is_named() {
    testkit::needs!(testkit::root_for("files of other users"));
    let builder = Daemon::builder(Program::under_test());
    let dbdir = builder.scratch().subdirectory("db");
    chown(&dbdir, Some(0), Some(0)).expect("root");
    fs::set_permissions(&dbdir, Permissions::from_mode(0o555)).expect("chmod");
    let (stopped, sentence) = complaint(builder);
    assert!(sentence.contains("DIR/db/"), "{sentence}");
    assert!(sentence.contains("Permission denied"), "{sentence}");
    assert!(content(&stopped.dbdir()).is_empty());
}

#[test]
fn a_read_only_disk_is_named() {
    let stopped = stopped();
    let directory = dbdir(&stopped);
    let before = content(&directory);
    let mount = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\"";
    let Some(namespace) = Namespace::new(mount, &[&directory]) else { return };
    let (_stopped, sentence) = complaint(again(stopped).within(namespace.words()));
    assert!(sentence.contains("DIR/db/"), "{sentence}");
    assert!(sentence.contains("Read-only file system"), "{sentence}");
    assert!(content(&directory) == before, "the files have changed");
}
