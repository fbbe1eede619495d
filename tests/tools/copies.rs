//! Backups: where they may be written, and what can be done with them.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use testkit::{Attempt, Daemon, Program, Stopped};

/// Runs a command; returns its exit status, its output and its errors.
fn run_with(words: &[&str], input: Stdio) -> (i32, Vec<u8>, String) {
    let Output { status, stdout, stderr } =
        Command::new(Program::Ours.path()).args(words).stdin(input).output().expect("our binary");
    let errors = String::from_utf8(stderr).expect("UTF-8");
    (status.code().expect("no signal"), stdout, errors)
}

fn run(words: &[&str]) -> (i32, String, String) {
    let (status, out, err) = run_with(words, Stdio::null());
    (status, String::from_utf8(out).expect("UTF-8"), err)
}

fn output(words: &[&str]) -> String {
    let (status, out, err) = run(words);
    assert_eq!((status, err.as_str()), (0, ""), "{words:?}: {out}");
    out
}

fn dbdir(daemon: &Daemon) -> String {
    format!("--dbdir={}", daemon.scratch().path().join("db").display())
}

fn ask(daemon: &Daemon, sender: &str) {
    daemon.client().ask(&Attempt::new("192.0.2.1", "mx.test", sender, "bob@example.org"));
}

/// A daemon with two entries, and a place for copies.
fn daemon() -> (Daemon, String, PathBuf) {
    let daemon = Daemon::builder(Program::Ours).start();
    ask(&daemon, "one@a.test");
    // Longer than LMDB's keys.
    ask(&daemon, &format!("{}@a.test", "x".repeat(600)));
    let (dbdir, place) = (dbdir(&daemon), daemon.scratch().path().to_owned());
    (daemon, dbdir, place)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn a_backup_replaces_nothing_but_regular_files() {
    let (_daemon, dbdir, place) = daemon();
    let fifo = place.join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
    let dangling = place.join("dangling");
    symlink("/nonexistent", &dangling).expect("a link");
    for target in [&fifo, &dangling, &place, Path::new("/dev/null"), Path::new("/dev/stdout")] {
        let (status, _, err) = run(&["backup", text(target), &dbdir]);
        assert_eq!(status, 2, "{target:?}: {err}");
    }
    assert!(fs::metadata("/dev/null").expect("it is there").file_type().is_char_device());
    assert!(fs::metadata(&fifo).expect("it is there").file_type().is_fifo());
    let database = place.join("db/postgrey.mdb");
    assert_eq!(run(&["backup", text(&database), &dbdir]).0, 2);
    // An own link is followed.
    let (file, link) = (place.join("file"), place.join("link"));
    fs::write(&file, "old").expect("a file");
    symlink(&file, &link).expect("a link");
    output(&["backup", text(&link), &dbdir]);
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
    assert!(fs::metadata(&file).expect("a file").len() > 4096);
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_backup_into_a_users_directory_exposes_nothing_of_root() {
    if !testkit::root_for("root in a hostile directory") {
        return;
    }
    let (_daemon, dbdir, place) = daemon();
    let secret = place.join("secret");
    fs::write(&secret, "root's own").expect("a file");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("chmod");
    let hostile = place.join("hostile");
    fs::create_dir(&hostile).expect("a directory");
    let owner = fs::metadata(place.join("db")).expect("a directory");
    let give = |path: &Path| {
        std::os::unix::fs::lchown(path, Some(owner.uid()), Some(owner.gid())).expect("chown");
    };
    give(&hostile);
    // What is planted under the name of the unfinished file is not followed.
    let copy = hostile.join("copy.mdb");
    symlink(&secret, hostile.join("copy.mdb.new")).expect("a link");
    output(&["backup", text(&copy), &dbdir]);
    assert!(fs::symlink_metadata(&copy).expect("a copy").is_file());
    // Nor is a link of somebody else under its own name.
    let link = hostile.join("link.mdb");
    symlink(&secret, &link).expect("a link");
    give(&link);
    let (status, _, err) = run(&["backup", text(&link), &dbdir]);
    assert_eq!(status, 2);
    assert!(err.contains("is a symbolic link of another user"), "{err}");
    let metadata = fs::metadata(&secret).expect("the secret");
    assert_eq!((metadata.uid(), metadata.mode() & 0o777), (0, 0o600));
    assert_eq!(fs::read_to_string(&secret).expect("the secret"), "root's own");
}

#[test]
fn a_backup_goes_to_standard_output_as_well() {
    let (_daemon, dbdir, place) = daemon();
    let (status, bytes, err) = run_with(&["backup", "-", &dbdir], Stdio::null());
    assert_eq!((status, err.as_str()), (0, ""));
    let copy = place.join("piped.mdb");
    fs::write(&copy, bytes).expect("a file");
    let list = output(&["list", &format!("--file={}", copy.display())]);
    assert_eq!(list.lines().count(), 3, "{list}");
}

#[test]
fn any_copy_can_be_looked_into() {
    let (daemon, dbdir, place) = daemon();
    let before = output(&["export", &dbdir]);
    let json = output(&["export", "--json", &dbdir]);
    let copy = place.join("copy.mdb");
    output(&["backup", text(&copy), &dbdir]);
    fs::write(place.join("copy.json"), &json).expect("a file");
    fs::write(place.join("copy.txt"), &before).expect("a file");
    output(&["clear", "--yes", &dbdir]);
    for name in ["copy.mdb", "copy.json", "copy.txt"] {
        let file = format!("--file={}", place.join(name).display());
        let list = output(&["list", "--sender=one@a.test", &file, &dbdir]);
        assert!(list.contains("192.0.2.0/24        one@a.test"), "{name}: {list}");
        assert!(output(&["stats", &file, &dbdir]).contains("Triplets                         2\n"));
        let shown = output(&["show", "192.0.2.1", "one@a.test", "bob@example.org", &file, &dbdir]);
        assert!(shown.contains("State       waiting"), "{name}: {shown}");
    }
    assert_eq!(run(&["list", &dbdir]).0, 1);
    let (status, _, err) = run(&["list", "--file=/nonexistent", &dbdir]);
    assert_eq!(status, 3);
    assert!(err.contains("can't open database /nonexistent: No such file"), "{err}");
    drop(daemon);
}

#[test]
fn every_copy_can_be_imported() {
    let (daemon, dbdir, place) = daemon();
    let before = output(&["export", &dbdir]);
    let json = output(&["export", "--json", &dbdir]);
    let copy = place.join("copy.mdb");
    output(&["backup", text(&copy), &dbdir]);
    let json_file = place.join("copy.json");
    fs::write(&json_file, json).expect("a file");
    for file in [&copy, &json_file] {
        output(&["clear", "--yes", &dbdir]);
        let told = output(&["import", &format!("--from={}", file.display()), &dbdir]);
        assert!(told.starts_with("imported 2 triplets and 0 clients from "), "{told}");
        assert_eq!(output(&["export", &dbdir]), before);
    }
    output(&["clear", "--yes", &dbdir]);
    let input = fs::File::open(&copy).expect("a copy");
    let (status, _, err) = run_with(&["import", "--from=-", &dbdir], input.into());
    assert_eq!((status, err.as_str()), (0, ""));
    assert_eq!(output(&["export", &dbdir]), before);
    drop(daemon);
}

#[test]
fn a_copy_is_restored_while_the_daemon_runs_and_without_it() {
    let (daemon, dbdir, place) = daemon();
    let before = output(&["export", &dbdir]);
    let copy = place.join("copy.mdb");
    output(&["backup", text(&copy), &dbdir]);
    let spoil = || {
        output(&["forget", "192.0.2.1", "one@a.test", "bob@example.org", &dbdir]);
        output(&["allow", "198.51.100.1", "new@b.test", "bob@example.org", &dbdir]);
    };
    spoil();
    let (status, _, err) = run(&["restore", text(&copy), &dbdir]);
    assert_eq!(status, 2, "{err}");
    assert!(err.contains("refusing to replace all entries of"), "{err}");
    let told = output(&["restore", "--yes", text(&copy), &dbdir]);
    assert!(told.contains("1 written, 1 deleted"), "{told}");
    assert_eq!(output(&["export", &dbdir]), before);
    let Stopped { scratch, .. } = daemon.stop();
    spoil();
    let told = output(&["restore", "--yes", text(&copy), &dbdir]);
    assert!(told.contains("no daemon runs with"), "{told}");
    assert_eq!(output(&["export", &dbdir]), before);
    drop(scratch);
}

/// The daemon's user, which a tool of root becomes, may not open it.
#[test]
fn a_copy_that_only_root_may_read_is_read_for_root() {
    if !testkit::root_for("files of root") {
        return;
    }
    let (_daemon, dbdir, place) = daemon();
    let before = output(&["export", &dbdir]);
    let json = output(&["export", "--json", &dbdir]);
    let (copy, json_file) = (place.join("copy.mdb"), place.join("copy.json"));
    output(&["backup", text(&copy), &dbdir]);
    fs::write(&json_file, json).expect("a file");
    for file in [&copy, &json_file] {
        chown(file, Some(0), Some(0)).expect("chown");
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("chmod");
        let list = output(&["list", &format!("--file={}", file.display()), &dbdir]);
        assert_eq!(list.lines().count(), 3, "{list}");
        output(&["clear", "--yes", &dbdir]);
        output(&["restore", "--yes", text(file), &dbdir]);
        assert_eq!(output(&["export", &dbdir]), before);
    }
    output(&["clear", "--yes", &dbdir]);
    output(&["import", &format!("--from={}", copy.display()), &dbdir]);
    assert_eq!(output(&["export", &dbdir]), before);
}

/// As in a pager that nobody pages through.
#[test]
fn a_list_whose_output_waits_does_not_keep_a_daemon_from_starting() {
    const ENTRIES: usize = 3000;
    let daemon = Daemon::builder(Program::Ours).start();
    for number in 0..ENTRIES {
        ask(&daemon, &format!("sender{number:04}.{}@a.test", "x".repeat(40)));
    }
    let dbdir = dbdir(&daemon);
    let stopped = daemon.stop();
    let lock = stopped.scratch.path().join("db/postgrey.lock");
    let mut list = Command::new(Program::Ours.path())
        .args(["list", &dbdir])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("our binary");
    let mut first = [0; 100];
    let pipe = list.stdout.as_mut().expect("a pipe");
    std::io::Read::read_exact(pipe, &mut first).expect("the first lines");
    // A free lock names no process.
    testkit::wait_for("a free lock", || {
        fs::read(&lock).expect("the lock").is_empty().then_some(())
    });
    let daemon = stopped.again(Program::Ours).start();
    let output = list.wait_with_output().expect("an end");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains("; the database was released while this command waited"), "{errors}");
    drop(daemon);
}

#[test]
fn a_copy_of_another_way_to_make_keys_is_not_restored() {
    let (daemon, dbdir, place) = daemon();
    let copy = place.join("copy.mdb");
    output(&["backup", text(&copy), &dbdir]);
    let other = Daemon::builder(Program::Ours).arg("--lookup-by-host").start();
    fs::copy(&copy, other.scratch().path().join("copy.mdb")).expect("a copy");
    let copy = other.scratch().path().join("copy.mdb");
    let owner = fs::metadata(other.scratch().path().join("db")).expect("a directory");
    if testkit::root_for("files of other users") {
        chown(&copy, Some(owner.uid()), Some(owner.gid())).expect("chown");
    }
    let (status, _, err) = run(&["restore", "--yes", text(&copy), &self::dbdir(&other)]);
    assert_eq!(status, 2, "{err}");
    assert!(err.contains("has keys of other settings (subnet,24,64)"), "{err}");
    drop(daemon);
}

#[test]
fn a_pipe_is_not_a_copy() {
    let (_daemon, dbdir, _) = daemon();
    let mut child = Command::new(Program::Ours.path())
        .args(["list", "--file=/dev/stdin", &dbdir])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("our binary");
    let _ = child.stdin.take().expect("a pipe").write_all(b"x");
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not a regular file"));
}
