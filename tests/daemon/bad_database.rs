//! A start with an unusable database reports in one sentence what is wrong and
//! what to do. The daemon fails, deletes nothing and changes no file.
//!
//! Needs root, for files of other users and for mounts.
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use testkit::namespace::Namespace;
use testkit::{Attempt, Builder, Daemon, Program, Stopped};

const START_AFRESH: &str =
    "to start with an empty database, move this file and its -lock file away";

/// A server that has ended, with 200 triplets in its database.
fn stopped() -> Stopped {
    let daemon = Daemon::builder(Program::Ours).start();
    let mut client = daemon.client();
    for number in 0..200 {
        let recipient = format!("{number}@example.org");
        let attempt = Attempt::to(&recipient);
        client.ask(&attempt.at(0));
    }
    drop(client);
    daemon.stop()
}

fn database(stopped: &Stopped) -> PathBuf {
    stopped.dbdir().join("postgrey.mdb")
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

fn complaint(builder: Builder) -> (Stopped, String) {
    let stopped = builder.fail_to_start();
    assert!(stopped.status.code().is_some_and(|code| code > 0), "{stopped:?}");
    let last = stopped.log.last().expect("a reason").clone();
    let sentence = last.strip_prefix("ERROR: ").unwrap_or_else(|| panic!("{last}"));
    let sentence = sentence.replace(&stopped.scratch.path().display().to_string(), "DIR");
    (stopped, sentence)
}

/// The same, and everything in the directory stays as it is.
fn assert_refused(stopped: Stopped, expected: &str) {
    let before = content(&stopped.dbdir());
    let (stopped, sentence) = complaint(stopped.again(Program::Ours));
    assert_eq!(sentence, expected);
    assert!(content(&stopped.dbdir()) == before, "the files have changed");
}

#[test]
fn a_file_of_another_program_is_refused() {
    let stopped = stopped();
    fs::write(database(&stopped), b"this is not a database\n".repeat(1000)).expect("a file");
    let why = "is not a database of this program, or is damaged";
    assert_refused(stopped, &format!("DIR/db/postgrey.mdb {why}; {START_AFRESH}"));
}

/// Swaps the first two rows of each leaf with many rows, and makes the file so large
/// that a start checks all pages only after a kill.
fn misorder(file: &Path) {
    const PAGE: usize = 4096;
    let mut bytes = fs::read(file).expect("a database");
    for page in bytes.chunks_mut(PAGE).skip(2) {
        let is_leaf = page[10..12] == 2_u16.to_ne_bytes();
        let rows = usize::from(u16::from_ne_bytes([page[12], page[13]])).saturating_sub(16) / 2;
        if is_leaf && rows > 10 {
            page[16..20].rotate_left(2);
        }
    }
    fs::write(file, bytes).expect("a file");
    fs::File::options().write(true).open(file).and_then(|it| it.set_len(70 << 20)).expect("a file");
}

#[test]
fn damage_found_after_a_kill_is_found_at_each_start() {
    let mut stopped = stopped();
    misorder(&database(&stopped));
    fs::write(stopped.dbdir().join("postgrey.lock"), "4711\n").expect("a lock file");
    for start in 1..=3 {
        let (next, sentence) = complaint(stopped.again(Program::Ours));
        assert!(sentence.contains("DIR/db/postgrey.mdb is damaged: page "), "{start}: {sentence}");
        stopped = next;
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
        take_away(&stopped.dbdir().join(name));
        let remedy = "give it to the user that postgrey runs as";
        let why = format!("can't open database DIR/db/{name}: Permission denied");
        assert_refused(stopped, &format!("{why}; {remedy}"));
    }
}

#[test]
fn a_lock_file_that_a_killed_server_left_is_taken_over() {
    let daemon = Daemon::builder(Program::Ours).start();
    let attempt = Attempt::to("bob@example.org");
    daemon.client().ask(&attempt.clone().at(0));
    let stopped = daemon.kill();
    let lock = stopped.dbdir().join("postgrey.mdb-lock");
    assert!(lock.exists());
    // Even one in which nothing makes sense.
    fs::write(&lock, [0xa5; 8192]).expect("a file");
    let daemon = stopped.again(Program::Ours).start();
    let reply = daemon.client().ask(&attempt.at(300));
    assert!(reply.starts_with("PREPEND "), "{reply}");
}

#[test]
fn a_directory_that_takes_no_files_is_named() {
    testkit::needs!(testkit::root_for("files of other users"));
    let builder = Daemon::builder(Program::Ours);
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
    let directory = stopped.dbdir();
    let before = content(&directory);
    let mount = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\"";
    let Some(namespace) = Namespace::new(mount, &[&directory]) else { return };
    let (_stopped, sentence) = complaint(stopped.again(Program::Ours).within(namespace.words()));
    assert!(sentence.contains("DIR/db/"), "{sentence}");
    assert!(sentence.contains("Read-only file system"), "{sentence}");
    assert!(content(&directory) == before, "the files have changed");
}
