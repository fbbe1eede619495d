//! Several daemons do not take over each other's files (BEHAVIOUR B3, B4), except
//! those of a dead one.

use crate::life::background::start;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use testkit::{Attempt, Daemon, Listener, Program};

fn attempt() -> Attempt {
    Attempt::new("192.0.2.1", "a.test", "alice@sender.test", "bob@example.org").at(0)
}

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).expect("a socket").ino()
}

/// Starts a second daemon in every way it may be started, and gives what was
/// said, while the first goes on.
fn second_start(
    first: &Daemon,
    listener: Option<Listener>,
    database: Option<&Path>,
) -> Vec<String> {
    let before = inode(first.socket());
    let build = || {
        let mut builder = Daemon::builder(Program::Ours);
        if let Some(listener) = &listener {
            builder = builder.on(listener.clone());
        }
        match database {
            Some(path) => builder.arg(format!("--dbdir={}", path.display())),
            None => builder,
        }
    };
    let foreground = build().start_in_vain();
    let background = start(build()).expect_err("a second daemon");
    first.client().assert_deferred(&attempt());
    assert_eq!(inode(first.socket()), before);
    let last = foreground.log.last().expect("a reason").clone();
    vec![last, background.stderr.trim_end().to_string()]
}

#[test]
fn a_second_daemon_on_the_same_database_harms_nothing_of_the_first() {
    let first = Daemon::builder(Program::Ours).start();
    let database = first.dbdir();
    let text = format!("ERROR: locked: {}/postgrey.lock", database.display());
    assert_eq!(second_start(&first, None, Some(&database)), [text.as_str(); 2]);
    let same_socket = Some(first.listener().clone());
    assert_eq!(second_start(&first, same_socket, Some(&database)), [text.as_str(); 2]);
    assert_eq!(first.stop().status.code(), Some(0));
}

#[test]
fn a_second_daemon_on_the_same_socket_harms_nothing_of_the_first() {
    let first = Daemon::builder(Program::Ours).start();
    let text = format!(
        "ERROR: Can't connect to UNIX socket at file {} [Address already in use]; another \
         program listens there",
        first.socket().display()
    );
    assert_eq!(second_start(&first, Some(first.listener().clone()), None), [text.as_str(); 2]);
    let stopped = first.stop();
    assert_eq!(stopped.status.code(), Some(0));
    assert!(!stopped.scratch.path().join("socket").exists());
}

#[test]
fn the_socket_and_lock_of_a_killed_daemon_are_taken_over() {
    let killed = Daemon::builder(Program::Ours).start().kill();
    assert!(killed.scratch.path().join("socket").exists(), "nothing to take over");
    let daemon = killed.again(Program::Ours).start();
    daemon.client().assert_deferred(&attempt());
}

#[test]
fn a_socket_that_is_not_its_own_any_more_is_left_alone() {
    let daemon = Daemon::builder(Program::Ours).start();
    let path = daemon.socket().to_path_buf();
    fs::remove_file(&path).expect("a socket");
    fs::write(&path, "somebody else's").expect("a file");
    let stopped = daemon.stop();
    assert_eq!(stopped.status.code(), Some(0));
    assert_eq!(fs::read_to_string(&path).expect("the file"), "somebody else's");
}
