//! The daemon's process in the background (BEHAVIOUR C2).

use crate::life::background::{Background, assert_nothing_is_left, start};
use nix::sys::wait::WaitStatus;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use testkit::{Attempt, Daemon, Program};

fn background() -> Background {
    start(Daemon::builder(Program::Ours)).expect("a daemon that starts")
}

fn attempt() -> Attempt {
    Attempt::to("bob@example.org").at(0)
}

/// A file of `/proc/PID`.
fn proc(daemon: &Background, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{}/{name}", daemon.pid))
}

#[test]
fn the_parent_succeeds_only_once_the_daemon_serves() {
    // No look at the socket lies between the parent's end and the request.
    let daemon = background();
    daemon.client().assert_deferred(&attempt());
    let (status, scratch) = daemon.stop();
    assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
    assert_nothing_is_left(&scratch);
}

/// Nothing of the administrator's is kept open: no terminal, no file.
#[test]
fn it_keeps_only_its_own_descriptors() {
    let daemon = background();
    let database = daemon.scratch().dbdir();
    let mut others = BTreeSet::new();
    for entry in fs::read_dir(proc(&daemon, "fd")).expect("descriptors") {
        let path = entry.expect("an entry").path();
        let target = fs::read_link(&path).expect("a descriptor");
        let is_standard = ["0", "1", "2"].iter().any(|name| path.ends_with(name));
        let is_inner = ["socket:", "anon_inode:"]
            .iter()
            .any(|kind| target.as_os_str().as_encoded_bytes().starts_with(kind.as_bytes()));
        if is_standard {
            assert_eq!(target, Path::new("/dev/null"), "{}", path.display());
        } else if !is_inner && !target.starts_with(&database) {
            others.insert(target);
        }
    }
    assert!(others.is_empty(), "{others:?}");
}
