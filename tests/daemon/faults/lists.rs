//! A whitelist that has become invalid.

use crate::faults::witness::{SPARE_MEMORY, Watch};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use testkit::{Attempt, Builder, Daemon, Program, wait_until};

/// A name, what puts something at the path of the list, where there is nothing now, and
/// the complaint about it.
type Fault = (&'static str, fn(&Path), &'static str);

/// A rule of the list that stays in force.
const RULE: &str = "good.example.net\n";

fn write(path: &Path, text: impl AsRef<[u8]>) {
    fs::write(path, text).expect("a file");
}

const FAULTS: [Fault; 7] = [
    ("directory", |path| fs::create_dir(path).expect("a directory"), "Is a directory"),
    (
        "fifo",
        |path| mkfifo(path, Mode::from_bits_truncate(0o666)).expect("a fifo"),
        "Not a regular file, write the rules into one",
    ),
    (
        "50 MB file",
        |path| write(path, b"x.example\n".repeat(5_000_000)),
        "File larger than 32 MiB, is it a list?",
    ),
    ("file of NULs", |path| write(path, vec![0; 100_000]), "File with NUL bytes, is it a list?"),
    (
        "symbolic link to itself",
        |path| symlink(path, path).expect("a link"),
        "Too many levels of symbolic links",
    ),
    (
        "line of 10 MB",
        |path| write(path, [&b"x".repeat(10_000_000), RULE.as_bytes()].join(&b'\n')),
        "line 1: is longer than any name (512 bytes), ignored",
    ),
    (
        MANY,
        |path| write(path, format!("{}{RULE}", "/broken(/\n".repeat(100_000))),
        "line 1: pattern ignored, a ( lacks its )",
    ),
];

/// The fault with more than one complaint.
const MANY: &str = "100,000 broken lines";

/// Only a process that is not root minds; the lists are read as root at start.
const UNREADABLE: Fault = ("list for root only", write_for_root, "Permission denied");

fn write_for_root(path: &Path) {
    write(path, RULE);
    fs::set_permissions(path, Permissions::from_mode(0o600)).expect("chmod");
}

fn server_with_list() -> (Builder, PathBuf) {
    let builder = Daemon::builder(Program::Ours).whitelist_clients(RULE);
    let path = builder.scratch().path().join("whitelist_clients");
    (builder, path)
}

/// Returns true if mail of a client of this name passes at once.
fn passes(daemon: &Daemon, client_name: &str) -> bool {
    let attempt = Attempt::new("192.0.2.1", client_name, "alice@sender.test", "bob@example.org");
    daemon.client().ask(&attempt.at(0)) == "DUNNO"
}

fn complaints(daemon: &Daemon) -> Vec<String> {
    let is_one = |line: &String| {
        line.contains("whitelist_clients") || line.contains("more warnings like these")
    };
    daemon.log().into_iter().filter(is_one).collect()
}

fn assert_complaints(daemon: &Daemon, (name, _, complaint): Fault) {
    let count = if name == MANY { 101 } else { 1 };
    wait_until(name, || complaints(daemon).len() >= count);
    let complaints = complaints(daemon);
    assert!(complaints[0].contains(complaint), "{name}: {complaints:?}");
    assert_eq!(complaints.len(), count, "{name}: {complaints:?}");
}

#[test]
fn an_invalid_list_keeps_its_last_rules_until_it_is_fixed() {
    testkit::needs!(testkit::root_for("files of other users"));
    for fault in FAULTS.into_iter().chain([UNREADABLE]) {
        let (builder, path) = server_with_list();
        let daemon = builder.start();
        assert!(passes(&daemon, "good.example.net"));
        fs::remove_file(&path).expect("the list");
        fault.1(&path);
        let watch = Watch::begin(&daemon);
        daemon.signal(Signal::SIGHUP);
        assert_complaints(&daemon, fault);
        assert!(passes(&daemon, "good.example.net"));
        assert!(!passes(&daemon, "new.example.net"));
        watch.end(SPARE_MEMORY);

        let _ = fs::remove_dir(&path).or_else(|_| fs::remove_file(&path));
        write(&path, "new.example.net\n");
        daemon.signal(Signal::SIGHUP);
        wait_until("the new list", || passes(&daemon, "new.example.net"));
        assert!(!passes(&daemon, "good.example.net"));
    }
}

#[test]
fn the_daemon_starts_with_an_invalid_list() {
    for fault in FAULTS {
        let (builder, path) = server_with_list();
        fs::remove_file(&path).expect("the list");
        fault.1(&path);
        let daemon = builder.start();
        assert_complaints(&daemon, fault);
        assert!(!passes(&daemon, "new.example.net"));
    }
}
