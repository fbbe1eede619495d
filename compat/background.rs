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
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use testkit::namespace::Namespace;
use testkit::private_dev::{listen_to_log, private_dev};
use testkit::{Client, Scratch, wait_for, wait_until};

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
        self.background_by(&[self.program().path().into()], scratch, words)
    }

    /// The same, started by a command that becomes the program.
    pub fn background_by(
        &self,
        program: &[OsString],
        scratch: Scratch,
        words: &[impl AsRef<OsStr>],
    ) -> Option<Background> {
        let namespace = private_dev(&scratch.subdirectory("dev"))?;
        let (logger, _) = listen_to_log(&namespace, TIMEOUT);
        let parent = self.parent(&namespace, program, &scratch, words);
        self.expect("the parent", parent.shown(), "exit status: 0");
        let pid = wait_for_pid(&scratch);
        let run = self.clone();
        let ended = Cell::new(false);
        Some(Background { run, pid, scratch, logger, ended, _namespace: namespace })
    }

    /// Starts a command that becomes the program, in the background of a namespace.
    /// Returns the end of the process that was started.
    pub fn parent(
        &self,
        namespace: &Namespace,
        program: &[OsString],
        scratch: &Scratch,
        words: &[impl AsRef<OsStr>],
    ) -> Outcome {
        // The server becomes a child of this process when its parent is gone.
        set_child_subreaper(true).expect("Linux");
        let own = words.iter().map(|word| word.as_ref().to_owned());
        let words = ["-d", "--unix=socket", "--pidfile=pid"].map(Into::into).into_iter().chain(own);
        let words = usual_words(scratch, &words.collect::<Vec<_>>());
        let [nsenter, mount] = namespace.words();
        let mut command = Command::new(nsenter);
        // Entering the namespace would lead to its root directory.
        command.arg(mount).arg("--wd=.").args(program);
        let parent = Process::start_by(command, self.program(), scratch, &words);
        outcome(scratch, parent.wait(|| ()))
    }
}

/// The original's parent ends before there is a server.
pub fn wait_for_pid(scratch: &Scratch) -> Pid {
    let socket = scratch.path().join("socket");
    wait_until("a server", || Client::unix(&socket).is_ok());
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

    /// Returns `[true, true]` if its socket and its pid file are there.
    pub fn files(&self) -> String {
        let files = ["socket", "pid"].map(|name| self.scratch.path().join(name).exists());
        format!("{files:?}")
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
        let status = wait_for("the server's end", || {
            // The original acts on a signal only when its socket has something
            // to read (BEHAVIOUR C5).
            drop(Client::unix(&self.socket()));
            let status = waitpid(self.pid, Some(WaitPidFlag::WNOHANG)).expect("an adopted child");
            (status != WaitStatus::StillAlive).then_some(status)
        });
        self.ended.set(true);
        match status {
            WaitStatus::Exited(_, status) => format!("exit status: {status}"),
            WaitStatus::Signaled(_, signal, _) => format!("signal: {signal}"),
            other => format!("{other:?}"),
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
            let part = part.as_bytes();
            let is_last = datagram.windows(part.len()).any(|window| window == part);
            datagrams.push(self.normal(&datagram));
            if is_last {
                return datagrams;
            }
        }
    }

    /// A datagram without its time; the process id becomes the process.
    fn normal(&self, datagram: &[u8]) -> String {
        let Message { priority, author, text } = Message::of(datagram);
        let author = if author == Some(self.pid) { "" } else { "(the parent) " };
        let text = normalise::log_line(
            self.run.program(),
            &text.escape_ascii().to_string().replace("\\\"", "\"").replace("\\'", "'"),
            &self.scratch,
        );
        format!("{priority}{author}{text}")
    }
}

/// The parts of `<21>Nov 23 22:45:07 postgrey[123]: text`.
pub struct Message<'d> {
    /// `<21>`.
    pub priority: String,
    /// The process that it names.
    pub author: Option<Pid>,
    pub text: &'d [u8],
}

impl Message<'_> {
    pub fn of(datagram: &[u8]) -> Message<'_> {
        let header = Regex::new(
            r"(?-u)^(<[0-9]+>)[A-Z][a-z]{2} [ 1-3][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} postgrey(?:\[([0-9]+)\])?: ",
        );
        let header = header.expect("a pattern");
        let captures = header.captures(datagram);
        let captures = captures.unwrap_or_else(|| panic!("{}", datagram.escape_ascii()));
        let text =
            |group: regex::bytes::Match| String::from_utf8_lossy(group.as_bytes()).into_owned();
        let author = captures.get(2).map(|pid| Pid::from_raw(text(pid).parse().expect("digits")));
        let priority = text(captures.get(1).expect("a priority"));
        Message { priority, author, text: &datagram[captures[0].len()..] }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if !self.ended.get() && kill(self.pid, Signal::SIGKILL).is_ok() {
            let _ = waitpid(self.pid, None);
        }
    }
}
