//! A server in the background and the system's log that it writes to. Both
//! live in a mount namespace with a `/dev` of its own.

use crate::case::Run;
use crate::database::{self, Table};
use crate::normalise;
use crate::process::{Outcome, Process, TIMEOUT, outcome, usual_words};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use regex::bytes::Regex;
use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use testkit::namespace::Namespace;
use testkit::private_dev::{listen_to_log, private_dev};
use testkit::{Client, Scratch};

pub struct Background {
    run: Run,
    pid: Pid,
    scratch: Scratch,
    logger: UnixDatagram,
    ended: Cell<bool>,
    _namespace: Namespace,
}

impl Run {
    /// Starts the program with `--daemonize`, its pid file in `pid` and its
    /// socket in `socket`, and waits until it serves. `None` where nothing may be
    /// mounted, see [`Namespace::new`].
    pub fn background(&self, words: &[impl AsRef<OsStr>]) -> Option<Background> {
        self.background_in(Scratch::new(), words)
    }

    pub fn background_in(
        &self,
        scratch: Scratch,
        words: &[impl AsRef<OsStr>],
    ) -> Option<Background> {
        self.background_by(&[], &self.program().path(), scratch, words)
    }

    /// The same of this copy of the program, started by a command that becomes
    /// it.
    pub fn background_by(
        &self,
        wrapper: &[&str],
        program: &Path,
        scratch: Scratch,
        words: &[impl AsRef<OsStr>],
    ) -> Option<Background> {
        // The server becomes a child of this process when its parent is gone.
        set_child_subreaper(true).expect("Linux");
        let namespace = private_dev(&scratch.subdirectory("dev"))?;
        let (logger, _) = listen_to_log(&namespace, TIMEOUT);
        let own = words.iter().map(|word| word.as_ref().to_owned());
        let words = ["-d", "--unix=socket", "--pidfile=pid"].map(Into::into).into_iter().chain(own);
        let words = usual_words(&scratch, &words.collect::<Vec<_>>());
        let [nsenter, mount] = namespace.words();
        let mut command = Command::new(nsenter);
        // Entering the namespace would lead to its root directory.
        command.arg(mount).arg("--wd=.").args(wrapper).arg(program);
        let parent = Process::start_by(command, self.program(), &scratch, &words);
        let status = parent.wait(|| ());
        let Outcome { stdout, stderr, status } = outcome(&scratch, status);
        self.expect("the parent", format!("{stdout}{stderr}{status}"), "exit status: 0");
        let pid = wait_for_pid(&scratch);
        let run = self.clone();
        let ended = Cell::new(false);
        Some(Background { run, pid, scratch, logger, ended, _namespace: namespace })
    }
}

/// The original's parent ends before there is a server.
fn wait_for_pid(scratch: &Scratch) -> Pid {
    let deadline = Instant::now() + TIMEOUT;
    while Client::unix(&scratch.path().join("socket")).is_err() {
        assert!(Instant::now() < deadline, "it does not serve");
        std::thread::sleep(Duration::from_millis(5));
    }
    let text = fs::read_to_string(scratch.path().join("pid")).expect("a pid file");
    Pid::from_raw(text.trim_end().parse().expect("a number"))
}

impl Background {
    pub fn pid(&self) -> Pid {
        self.pid
    }

    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// The triplets that it left, see [`database::rows`].
    pub fn triplets(&self) -> Vec<String> {
        let dbdir = self.scratch.path().join("db");
        database::rows(self.run.program(), &dbdir, Table::Triplets)
    }

    pub fn client(&self) -> Client {
        Client::unix(&self.socket()).expect("a server that listens")
    }

    fn socket(&self) -> PathBuf {
        self.scratch.path().join("socket")
    }

    /// A file of `/proc` about it.
    pub fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.pid))
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid, signal).expect("a living server");
    }

    /// Waits for the end that a signal brings, and says how it ended.
    pub fn end_by(&self, signal: Signal) -> String {
        self.signal(signal);
        let deadline = Instant::now() + TIMEOUT;
        loop {
            match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)).expect("an adopted child") {
                WaitStatus::StillAlive => {}
                status => {
                    self.ended.set(true);
                    return match status {
                        WaitStatus::Exited(_, status) => format!("exit status: {status}"),
                        WaitStatus::Signaled(_, signal, _) => format!("signal: {signal}"),
                        other => format!("{other:?}"),
                    };
                }
            }
            assert!(Instant::now() < deadline, "it does not end");
            // The original acts on a signal only when its socket has something
            // to read (BEHAVIOUR C5).
            drop(Client::unix(&self.socket()));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// All datagrams up to the first in which these bytes stand, one a line;
    /// without time, process id and what else may differ. A line of the process
    /// that the administrator started says so.
    pub fn datagrams_until(&self, part: &str) -> Vec<String> {
        let mut datagrams = Vec::new();
        loop {
            let mut datagram = vec![0; 64 * 1024];
            let length = self.logger.recv(&mut datagram).expect("a line within the patience");
            datagram.truncate(length);
            let is_last = contains(&datagram, part.as_bytes());
            datagrams.push(self.normal(&datagram));
            if is_last {
                return datagrams;
            }
        }
    }

    /// `<21>Nov 23 22:45:07 postgrey[123]: text`, with the time and the number
    /// replaced once their form was held to.
    fn normal(&self, datagram: &[u8]) -> String {
        let header = Regex::new(
            r"(?-u)^(<[0-9]+>)[A-Z][a-z]{2} [ 1-3][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} postgrey\[([0-9]+)\]: ",
        );
        let header = header.expect("a pattern");
        let captures = header.captures(datagram);
        let captures = captures.unwrap_or_else(|| panic!("{}", datagram.escape_ascii()));
        let pid = std::str::from_utf8(&captures[2]).expect("digits");
        let author = if pid == self.pid.to_string() { "" } else { "(the parent) " };
        let rest = &datagram[captures[0].len()..];
        let rest = normalise::log_line(
            self.run.program(),
            &rest.escape_ascii().to_string().replace("\\\"", "\"").replace("\\'", "'"),
            &self.scratch,
        );
        format!("{}{author}{rest}", String::from_utf8_lossy(&captures[1]))
    }
}

fn contains(datagram: &[u8], part: &[u8]) -> bool {
    datagram.windows(part.len()).any(|window| window == part)
}

impl Drop for Background {
    fn drop(&mut self) {
        if !self.ended.get() && kill(self.pid, Signal::SIGKILL).is_ok() {
            let _ = waitpid(self.pid, None);
        }
    }
}
