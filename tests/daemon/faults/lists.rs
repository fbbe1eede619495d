//! A whitelist that has become invalid.

use crate::faults::witness::{SPARE_MEMORY, Watch};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use testkit::{Attempt, Builder, Daemon, Program, wait_for, wait_until};

struct Fault {
    name: &'static str,
    /// Puts something at the path of the list, where there is nothing now.
    put: fn(&Path),
    complaint: &'static str,
    complaints: usize,
}

/// A rule of the list that stays in force.
const RULE: &str = "good.example.net\n";

fn write(path: &Path, text: impl AsRef<[u8]>) {
    fs::write(path, text).expect("a file");
}

const FAULTS: [Fault; 7] = [
    Fault {
        name: "directory",
        put: |path| fs::create_dir(path).expect("a directory"),
        complaint: "Is a directory",
        complaints: 1,
    },
    Fault {
        name: "fifo",
        put: |path| mkfifo(path, Mode::from_bits_truncate(0o666)).expect("a fifo"),
        complaint: "Not a regular file, write the rules into one",
        complaints: 1,
    },
    Fault {
        name: "50 MB file",
        put: |path| write(path, b"x.example\n".repeat(5_000_000)),
        complaint: "File larger than 32 MiB, is it a list?",
        complaints: 1,
    },
    Fault {
        name: "file of NULs",
        put: |path| write(path, vec![0; 100_000]),
        complaint: "File with NUL bytes, is it a list?",
        complaints: 1,
    },
    Fault {
        name: "symbolic link to itself",
        put: |path| symlink(path, path).expect("a link"),
        complaint: "Too many levels of symbolic links",
        complaints: 1,
    },
    Fault {
        name: "line of 10 MB",
        put: |path| write(path, [&b"x".repeat(10_000_000), RULE.as_bytes()].join(&b'\n')),
        complaint: "line 1: is longer than any name (512 bytes), ignored",
        complaints: 1,
    },
    Fault {
        name: "100,000 broken lines",
        put: |path| write(path, format!("{}{RULE}", "/broken(/\n".repeat(100_000))),
        complaint: "line 1: pattern ignored, a ( lacks its )",
        complaints: 101,
    },
];

/// Only a process that is not root minds; the lists are read as root at start.
const UNREADABLE: Fault = Fault {
    name: "list for root only",
    put: |path| {
        write(path, RULE);
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("chmod");
    },
    complaint: "Permission denied",
    complaints: 1,
};

fn server_with_list() -> (Builder, PathBuf) {
    let builder = Daemon::builder(Program::under_test()).whitelist_clients(RULE);
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

fn assert_complaints(daemon: &Daemon, fault: &Fault) {
    let complaints = wait_for(fault.name, || {
        let complaints = complaints(daemon);
        (complaints.len() >= fault.complaints).then_some(complaints)
    });
    assert!(complaints[0].contains(fault.complaint), "{}: {complaints:?}", fault.name);
    assert_eq!(complaints.len(), fault.complaints, "{}: {complaints:?}", fault.name);
}

/// Runs a check for each fault, also after one has failed.
fn hold(faults: impl IntoIterator<Item = Fault>, check: fn(&Fault)) {
    let faults: Vec<Fault> = faults.into_iter().collect();
    let fails = |fault: &&Fault| catch_unwind(|| check(fault)).is_err();
    let failed: Vec<&str> = faults.iter().filter(fails).map(|fault| fault.name).collect();
    assert_eq!(failed, [""; 0], "see above");
}

#[test]
fn an_invalid_list_keeps_its_last_rules_until_it_is_fixed() {
    testkit::needs!(testkit::root_for("files of other users"));
    hold(FAULTS.into_iter().chain([UNREADABLE]), |fault| {
        let (builder, path) = server_with_list();
        let daemon = builder.start();
        assert!(passes(&daemon, "good.example.net"));
        fs::remove_file(&path).expect("the list");
        (fault.put)(&path);
        let watch = Watch::begin(&daemon, fault.name);
        daemon.signal(Signal::SIGHUP);
        assert_complaints(&daemon, fault);
        assert!(passes(&daemon, "good.example.net"));
        assert!(!passes(&daemon, "new.example.net"));
        watch.end(SPARE_MEMORY, &complaints(&daemon)[..1]);

        let _ = fs::remove_dir(&path).or_else(|_| fs::remove_file(&path));
        write(&path, "new.example.net\n");
        daemon.signal(Signal::SIGHUP);
        wait_until("the new list", || passes(&daemon, "new.example.net"));
        assert!(!passes(&daemon, "good.example.net"));
    });
}

#[test]
fn the_daemon_starts_with_an_invalid_list() {
    hold(FAULTS, |fault| {
        let (builder, path) = server_with_list();
        fs::remove_file(&path).expect("the list");
        (fault.put)(&path);
        let daemon = builder.start();
        assert_complaints(&daemon, fault);
        assert!(!passes(&daemon, "new.example.net"));
    });
}
