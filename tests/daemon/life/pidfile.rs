//! The pid file (BEHAVIOUR C3).

use crate::life::background::{Refusal, assert_nothing_is_left, pid_file, start};
use nix::sys::stat::Mode;
use nix::sys::wait::WaitStatus;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;
use testkit::{Builder, Daemon, Program};

fn with_pid_file(content: &str) -> Builder {
    let builder = Daemon::builder(Program::Ours);
    fs::write(pid_file(builder.scratch()), content).expect("a pid file");
    builder
}

fn dead_pid() -> String {
    let mut child = Command::new("true").spawn().expect("true");
    child.wait().expect("its end");
    child.id().to_string()
}

#[test]
fn it_holds_the_number_of_the_daemon_and_belongs_to_root() {
    testkit::needs!(testkit::root_for("a change of user"));
    let daemon = start(Daemon::builder(Program::Ours)).expect("a daemon that starts");
    let path = pid_file(daemon.scratch());
    assert_eq!(fs::read_to_string(&path).expect("a pid file"), format!("{}\n", daemon.pid));
    let metadata = fs::metadata(&path).expect("a pid file");
    // start-stop-daemon refuses to signal by the file of an ordinary user.
    assert_eq!((metadata.uid(), metadata.permissions().mode() & 0o7777), (0, 0o644));
}

#[test]
fn the_pid_file_of_a_dead_daemon_is_overwritten() {
    for content in [format!("{}\n", dead_pid()), String::new(), "0".to_string()] {
        let daemon = start(with_pid_file(&content)).expect("a daemon that starts");
        let path = pid_file(daemon.scratch());
        assert_eq!(fs::read_to_string(path).expect("a pid file"), format!("{}\n", daemon.pid));
        let (status, scratch) = daemon.stop();
        assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
        assert_nothing_is_left(&scratch);
    }
}

#[test]
fn that_of_a_living_process_stays_and_is_explained() {
    let alive = format!("{}\n", std::process::id());
    let Refusal { status, stderr, scratch } =
        start(with_pid_file(&alive)).expect_err("a start that must fail");
    let path = pid_file(&scratch);
    let text = format!(
        "ERROR: Pid_file already exists for running process ({})... aborting; if that is not \
         postgrey, remove {}\n",
        std::process::id(),
        path.display()
    );
    assert_eq!((stderr, status), (text, 255));
    assert_eq!(fs::read_to_string(&path).expect("the file"), alive);
    fs::remove_file(path).expect("the file");
    assert_nothing_is_left(&scratch);
}

#[test]
fn one_without_a_number_stays_and_is_explained() {
    let refusal = start(with_pid_file("garbage\n")).expect_err("a start that must fail");
    let path = pid_file(&refusal.scratch);
    let text = format!(
        "ERROR: {}: Couldn't find pid in existent pid_file; remove it if no postgrey runs\n",
        path.display()
    );
    assert_eq!(refusal.stderr, text);
    assert_eq!(fs::read_to_string(&path).expect("the file"), "garbage\n");
}

#[test]
fn a_link_is_replaced_and_never_followed() {
    // The content of each would keep a daemon from starting.
    for content in ["1\n", "garbage\n"] {
        let builder = Daemon::builder(Program::Ours);
        let target = builder.scratch().file("target", content);
        std::os::unix::fs::symlink(&target, pid_file(builder.scratch())).expect("a symbolic link");
        let daemon = start(builder).expect("a daemon that starts");
        assert!(fs::symlink_metadata(pid_file(daemon.scratch())).expect("a pid file").is_file());
        assert_eq!(fs::read_to_string(target).expect("the file"), content);
    }
}

#[test]
fn other_than_regular_files_are_refused_at_once() {
    let builder = Daemon::builder(Program::Ours);
    nix::unistd::mkfifo(&pid_file(builder.scratch()), Mode::S_IRWXU).expect("a FIFO");
    let refusal = start(builder).expect_err("a start that must fail");
    assert!(refusal.stderr.contains(": not a regular file; remove it"), "{}", refusal.stderr);
}

#[test]
fn that_of_another_daemon_is_not_removed() {
    let daemon = start(Daemon::builder(Program::Ours)).expect("a daemon that starts");
    let path = pid_file(daemon.scratch());
    fs::write(&path, "1\n").expect("the file");
    let (status, _scratch) = daemon.stop();
    assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
    assert_eq!(fs::read_to_string(&path).expect("the file"), "1\n");
}

#[test]
fn the_foreground_has_no_pid_file() {
    let builder = Daemon::builder(Program::Ours);
    let path = pid_file(builder.scratch());
    let daemon = builder.arg(format!("--pidfile={}", path.display())).start();
    assert!(!path.exists());
    assert_eq!(daemon.stop().status.code(), Some(0));
}
