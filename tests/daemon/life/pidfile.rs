//! The pid file (BEHAVIOUR C3).

use crate::life::background::{pid_file, start};
use nix::sys::stat::Mode;
use nix::sys::wait::WaitStatus;
use std::fs;
use testkit::{Daemon, Program};

#[test]
fn a_link_at_the_pid_file_is_replaced_and_not_followed() {
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
fn a_link_to_an_endless_device_at_the_pid_file_is_not_read() {
    let builder = Daemon::builder(Program::Ours);
    let path = pid_file(builder.scratch());
    std::os::unix::fs::symlink("/dev/zero", &path).expect("a symbolic link");
    let daemon = start(builder).expect("a daemon that starts");
    assert!(fs::symlink_metadata(&path).expect("a pid file").is_file());
    let (status, _scratch) = daemon.stop();
    assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
    assert!(fs::symlink_metadata(path).is_err(), "it is removed");
}

#[test]
fn a_pid_file_that_is_not_regular_is_refused() {
    let builder = Daemon::builder(Program::Ours);
    nix::unistd::mkfifo(&pid_file(builder.scratch()), Mode::S_IRWXU).expect("a FIFO");
    let refusal = start(builder).expect_err("a start that must fail");
    assert!(refusal.stderr.contains(": not a regular file; remove it"), "{}", refusal.stderr);
}

#[test]
fn the_pid_file_of_another_daemon_is_not_removed() {
    let daemon = start(Daemon::builder(Program::Ours)).expect("a daemon that starts");
    let path = pid_file(daemon.scratch());
    fs::write(&path, "1\n").expect("the file");
    let (status, _scratch) = daemon.stop();
    assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
    assert_eq!(fs::read_to_string(&path).expect("the file"), "1\n");
}
