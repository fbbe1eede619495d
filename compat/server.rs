//! A running server within a case: asks it, stops it, records what it leaves.

use crate::case::{Expected, Run};
use crate::database::{self, Table};
use crate::normalise;
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use testkit::{Attempt, Builder, Client, Daemon, Stopped};

/// The observation if the server closes the connection in place of a reply.
pub const CLOSED: &str = "(connection closed)";

impl Run {
    /// Starts the program with these options and empty whitelists.
    pub fn start(&self, options: &[&str]) -> Server {
        self.start_with(|builder| builder.args(options))
    }

    pub fn start_with(&self, prepare: impl FnOnce(Builder) -> Builder) -> Server {
        let builder = prepare(Daemon::builder(self.program()));
        Server::of(self, builder)
    }
}

/// A server of a case. It is stopped at the end of the case at the latest.
pub struct Server {
    run: Run,
    daemon: Option<Daemon>,
    client: Option<Client>,
    asked: usize,
    hung_up: bool,
}

impl Server {
    fn of(run: &Run, builder: Builder) -> Server {
        Server {
            run: run.clone(),
            daemon: Some(builder.start()),
            client: None,
            asked: 0,
            hung_up: false,
        }
    }

    pub fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("a server that was not stopped")
    }

    /// Asks on a connection that stays open, as Postfix does, and holds the
    /// reply to what is expected.
    pub fn ask(&mut self, attempt: &Attempt, expected: impl Into<Expected>) {
        let reply = self.reply_to(attempt);
        self.asked += 1;
        let what = format!("request {} ({})", self.asked, shown(attempt));
        self.run.expect(what, reply, expected);
    }

    pub fn reply_to(&mut self, attempt: &Attempt) -> String {
        let mut client = self.client.take().unwrap_or_else(|| self.daemon().client());
        client.send(&attempt.bytes());
        let reply = client.reply();
        self.hung_up = reply.is_none();
        self.client = reply.is_some().then_some(client);
        self.normal(&reply.unwrap_or(CLOSED.to_string()))
    }

    /// Sends bytes on a connection of their own, says that there are no more,
    /// and returns all replies up to the end of the connection.
    pub fn exchange(&self, bytes: impl AsRef<[u8]>) -> Vec<String> {
        let mut client = self.daemon().client();
        client.send(bytes.as_ref());
        client.half_close();
        std::iter::from_fn(|| client.reply()).map(|reply| self.normal(&reply)).collect()
    }

    /// A text without what may differ.
    pub fn normal(&self, text: &str) -> String {
        normalise::text(text, self.daemon().scratch())
    }

    /// Stops it as an administrator does. One that hung up is given time to die.
    pub fn stop(self) -> Left {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.hung_up && self.is_alive() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.end_by(Signal::SIGTERM)
    }

    fn is_alive(&self) -> bool {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(self.daemon().pid()), flags) == Ok(WaitStatus::StillAlive)
    }

    pub fn end_by(mut self, signal: Signal) -> Left {
        self.client = None;
        let daemon = self.daemon.take().expect("a server stops once");
        Left::of(&self.run, daemon.end_by(signal))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(daemon) = self.daemon.take() else {
            return;
        };
        if !std::thread::panicking() {
            self.client = None;
            drop(Left::of(&self.run, daemon.stop()));
        }
    }
}

/// The value of each attribute, which is enough to know a request by.
fn shown(attempt: &Attempt) -> String {
    let bytes = attempt.bytes();
    let lines = bytes.split(|byte| *byte == b'\n');
    let values =
        lines.filter_map(|line| line.splitn(2, |byte| *byte == b'=').nth(1)).skip(1).map(|value| {
            let value = &value[..value.len().min(60)];
            normalise::record(&value.escape_ascii().to_string())
        });
    values.collect::<Vec<_>>().join(" ")
}

/// The remains of a stopped server. They go into the record of the run when this value
/// is dropped; the case states its expectations before.
pub struct Left {
    run: Run,
    stopped: Option<Stopped>,
    /// What is expected of each part; `None` for a part that is not compared.
    expected: HashMap<&'static str, Option<Expected>>,
}

impl Left {
    fn of(run: &Run, stopped: Stopped) -> Left {
        Left { run: run.clone(), stopped: Some(stopped), expected: HashMap::new() }
    }

    fn expect(mut self, what: &'static str, expected: impl Into<Expected>) -> Left {
        self.expected.insert(what, Some(expected.into()));
        self
    }

    /// How the process ended, for example `exit status: 0`.
    pub fn status(self, expected: impl Into<Expected>) -> Left {
        self.expect("end", expected)
    }

    /// The lines of the log but those of start and stop.
    pub fn log(self, expected: impl Into<Expected>) -> Left {
        self.expect("log", expected)
    }

    /// Keeps `log`, `triplets` or `clients` out of the record, because it
    /// depends on chance or on the real clock.
    pub fn ignore(mut self, what: &'static str) -> Left {
        self.expected.insert(what, None);
        self
    }

    /// The triplets, as `key first,last`; times count from the start of time.
    pub fn triplets(self, expected: impl Into<Expected>) -> Left {
        self.expect("triplets", expected)
    }

    /// The clients, as `address count,last`.
    pub fn clients(self, expected: impl Into<Expected>) -> Left {
        self.expect("clients", expected)
    }

    pub fn rows(&self, table: Table) -> Vec<String> {
        database::rows(self.run.program(), &self.stopped().dbdir(), table)
    }

    /// The lines of the log but those of start and stop.
    pub fn log_lines(&self) -> Vec<String> {
        let mut lines = self.all_lines();
        lines.retain(|line| !is_routine(line));
        lines
    }

    pub fn again(mut self, options: &[&str]) -> Server {
        self.enter();
        let stopped = self.stopped.take().expect("left only once");
        Server::of(&self.run, stopped.again(self.run.program()).args(options))
    }

    fn stopped(&self) -> &Stopped {
        self.stopped.as_ref().expect("what was not started again")
    }

    pub fn raw_lines(&self) -> &[String] {
        &self.stopped().log
    }

    fn all_lines(&self) -> Vec<String> {
        let scratch = &self.stopped().scratch;
        let lines = self.raw_lines().iter();
        lines.map(|line| normalise::log_line(self.run.program(), line, scratch)).collect()
    }

    fn enter(&mut self) {
        // Of the numbers only zero means something: the original's others are
        // the errno that Perl happened to hold.
        let status = match self.stopped().status.code() {
            Some(1..) => "failure".to_string(),
            _ => self.stopped().status.to_string(),
        };
        let (mut routine, log): (Vec<_>, Vec<_>) =
            self.all_lines().into_iter().partition(|line| is_routine(line));
        if self.expected.get("end").and_then(Option::as_ref).is_some_and(Expected::may_differ) {
            // A killed server logs no end.
            routine.retain(|line| !line.ends_with("closing!"));
        }
        let triplets = self.rows(Table::Triplets);
        let clients = self.rows(Table::Clients);
        for (what, seen) in [
            ("end", vec![status]),
            ("log", log),
            ("start and stop", routine),
            ("triplets", triplets),
            ("clients", clients),
        ] {
            match self.expected.remove(what) {
                Some(Some(expected)) => self.run.expect(what, seen, expected),
                Some(None) => {}
                None => self.run.note(what, seen),
            }
        }
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        if self.stopped.is_some() && !std::thread::panicking() {
            self.enter();
        }
    }
}

/// Returns true if a line is about start or stop, not about a request.
fn is_routine(line: &str) -> bool {
    ["TIME ", "Resolved [", "Binding to ", "Setting gid to ", "Setting uid to "]
        .iter()
        .any(|start| line.starts_with(start))
}
