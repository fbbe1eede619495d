//! A server in the background, and the output of its parent.

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::path::PathBuf;
use testkit::{Builder, Client, Listener, Scratch, wait_for};

#[derive(Debug)]
pub struct Background {
    pub pid: Pid,
    pub listener: Listener,
    pub scratch: Option<Scratch>,
}

#[derive(Debug)]
pub struct Refusal {
    pub status: i32,
    pub stderr: String,
    pub scratch: Scratch,
}

/// The pid file of a server of [`start`].
pub fn pid_file(scratch: &Scratch) -> PathBuf {
    scratch.path().join("pid")
}

/// Starts a server with `--daemonize` and a pid file, and waits for the end of
/// the process that was started: not a moment longer.
pub fn start(builder: Builder) -> Result<Background, Refusal> {
    // The daemon becomes this process's child when its parent is gone, so that
    // its exit status can be had.
    set_child_subreaper(true).expect("Linux");
    let pid_file = pid_file(builder.scratch());
    let builder = builder.arg("-d").arg(format!("--pidfile={}", pid_file.display()));
    let (mut command, builder) = builder.into_command();
    let mut parent = command.spawn().expect("the program under test");
    let status = wait_for("the parent's end", || parent.try_wait().expect("a child"));
    let status = status.code().unwrap_or_else(|| panic!("{status}"));
    let (listener, scratch) = builder.into_parts();
    let stderr = fs::read_to_string(scratch.path().join("log")).expect("what it said");
    if status != 0 {
        return Err(Refusal { status, stderr, scratch });
    }
    assert_eq!(stderr, "", "a start that succeeds says nothing");
    let pid = fs::read_to_string(&pid_file).expect("a pid file as soon as the parent ends");
    let pid = Pid::from_raw(pid.trim_end().parse().expect("a number"));
    Ok(Background { pid, listener, scratch: Some(scratch) })
}

impl Background {
    pub fn client(&self) -> Client {
        self.listener.connect().expect("a server that listens")
    }

    pub fn scratch(&self) -> &Scratch {
        self.scratch.as_ref().expect("a server that was not stopped")
    }

    pub fn stop(mut self) -> (WaitStatus, Scratch) {
        kill(self.pid, Signal::SIGTERM).expect("a living daemon");
        let status = wait(self.pid);
        (status, self.scratch.take().expect("a server stops once"))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if self.scratch.is_some() && kill(self.pid, Signal::SIGKILL).is_ok() {
            wait(self.pid);
        }
    }
}

fn wait(pid: Pid) -> WaitStatus {
    wait_for("the daemon's end", || match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
        // Its parent may not have ended quite yet.
        Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => None,
        result => Some(result.expect("a child")),
    })
}

/// Processes, as their numbers, that were started for this directory.
pub fn processes_of(scratch: &Scratch) -> Vec<String> {
    let name = scratch.path().as_os_str().as_encoded_bytes();
    let entries = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let is_one = |directory: &PathBuf| {
        let words = fs::read(directory.join("cmdline")).unwrap_or_default();
        words.windows(name.len()).any(|window| window == name)
    };
    let directories = entries.map(|entry| entry.path()).filter(is_one);
    directories.map(|path| path.display().to_string()).collect()
}

/// A start that failed, or a stop, leaves nothing in the way of the next start.
pub fn assert_nothing_is_left(scratch: &Scratch) {
    assert_eq!(processes_of(scratch), [""; 0]);
    for name in ["socket", "pid"] {
        let path = scratch.path().join(name);
        assert!(path.symlink_metadata().is_err(), "{} is left", path.display());
    }
    if let Ok(file) = File::open(scratch.path().join("db/postgrey.lock")) {
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock);
        assert!(lock.is_ok(), "the lock is still held");
    }
}
