//! The programs that are measured, each in a directory of its own.

use crate::prefill::Rows;
use crate::process::Pid;
use crate::traffic::{Population, Words, listed};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use testkit::{Attempt, Builder, Client, Daemon, Listener, Program, Scratch};

/// Debian's list of clients, which the original installs.
const DEBIAN_LIST: &str = "/etc/postgrey/whitelist_clients";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The original.
    Theirs,
    Ours,
    /// The same, with a second's patience for the disk (`--sync=1`).
    OursPatient,
    Echo,
    Sqlgrey,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Theirs => "original",
            Kind::Ours => "ours",
            Kind::OursPatient => "ours, --sync=1",
            Kind::Echo => "echo",
            Kind::Sqlgrey => "sqlgrey",
        }
    }

    pub fn words(self) -> Words {
        match self {
            Kind::Theirs | Kind::Ours | Kind::OursPatient | Kind::Echo => Words::Postgrey,
            Kind::Sqlgrey => Words::Sqlgrey,
        }
    }
}

pub struct Field {
    pub population: Population,
    pub expired: usize,
    pub tcp: bool,
}

impl Field {
    pub fn start(&self, kinds: &[Kind]) -> Vec<Subject> {
        let rows = Rows::of(self.population, self.expired);
        kinds.iter().map(|kind| self.start_one(*kind, &rows)).collect()
    }

    fn start_one(&self, kind: Kind, rows: &Rows) -> Subject {
        let program = match kind {
            Kind::Echo => return Subject::echo(),
            Kind::Sqlgrey => unreachable!("started in peers.rs"),
            Kind::Theirs => Program::Theirs,
            Kind::Ours | Kind::OursPatient => Program::Ours,
        };
        // Nothing that waits when the measurement starts passes before its end.
        let builder = Daemon::builder(program).arg("--delay=3600");
        let dbdir = builder.scratch().subdirectory("db");
        match program {
            Program::Theirs => rows.write_theirs(&dbdir),
            Program::Ours => rows.write_ours(&dbdir),
        }
        let builder = if self.tcp { builder.tcp() } else { builder };
        let builder = match kind {
            Kind::OursPatient => builder.arg("--sync=1"),
            _ => builder,
        };
        Subject::daemon(kind, builder.whitelist_clients(self.list()))
    }

    fn list(&self) -> String {
        let mut list = fs::read_to_string(DEBIAN_LIST).expect("the original's whitelist");
        for number in 0..self.population.lines.max(1) {
            list.push_str(&listed(number as u64));
            list.push('\n');
        }
        list
    }
}

pub struct Subject {
    pub kind: Kind,
    /// How long it took from the start to the first answer.
    pub started_in: Duration,
    running: Running,
}

enum Running {
    Daemon(Daemon),
    Other { child: Child, listener: Listener, _scratch: Scratch },
}

impl Subject {
    fn daemon(kind: Kind, builder: Builder) -> Subject {
        let begin = Instant::now();
        let daemon = builder.start();
        first_answer(&mut daemon.client());
        Subject { kind, started_in: begin.elapsed(), running: Running::Daemon(daemon) }
    }

    fn echo() -> Subject {
        let scratch = Scratch::new();
        let socket = scratch.path().join("socket");
        let program = std::env::current_exe().expect("this program");
        let begin = Instant::now();
        let child = Command::new(program).arg("--echo").arg(&socket).spawn().expect("a child");
        let listener = Listener::Unix(socket);
        let mut client = loop {
            match listener.connect() {
                Ok(client) => break client,
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        first_answer(&mut client);
        Subject::other(Kind::Echo, begin.elapsed(), child, listener, scratch)
    }

    /// A program that is neither the original nor ours, and has answered.
    pub fn other(
        kind: Kind,
        started_in: Duration,
        child: Child,
        listener: Listener,
        scratch: Scratch,
    ) -> Subject {
        Subject { kind, started_in, running: Running::Other { child, listener, _scratch: scratch } }
    }

    pub fn listener(&self) -> &Listener {
        match &self.running {
            Running::Daemon(daemon) => daemon.listener(),
            Running::Other { listener, .. } => listener,
        }
    }

    /// The directory of its database, if it has one.
    pub fn database(&self) -> Option<PathBuf> {
        match &self.running {
            Running::Daemon(daemon) => Some(daemon.scratch().path().join("db")),
            Running::Other { .. } => None,
        }
    }

    pub fn pid(&self) -> Pid {
        match &self.running {
            Running::Daemon(daemon) => daemon.pid().as_raw(),
            Running::Other { child, .. } => Pid::try_from(child.id()).expect("a process id"),
        }
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if let Running::Other { child, .. } = &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn first_answer(client: &mut Client) {
    let name = format!("mx1.{}", listed(0));
    let attempt = Attempt::new("100.64.0.1", &name, "a@a.example", "b@example.org");
    assert_eq!(client.ask(&attempt), "DUNNO");
}
