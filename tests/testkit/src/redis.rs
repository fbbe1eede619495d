//! Servers that a test started, and hosts that use them.

use crate::{Builder, Daemon, Program, Scratch, free_port, program_for, skip, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A Debian release that has Valkey, for a machine whose own release has not.
const CHROOT: &str = "/var/cache/postgrey-test/trixie";

const VALKEY: &str = "/usr/bin/valkey-server";

/// Which program keeps the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Redis,
    Valkey,
}

impl Engine {
    /// Both.
    pub const ALL: [Engine; 2] = [Engine::Redis, Engine::Valkey];

    /// The command that becomes the server; `None` where it is not installed.
    fn command(self) -> Option<Vec<String>> {
        let in_chroot = Path::new(CHROOT).join(VALKEY.trim_start_matches('/'));
        match self {
            Engine::Redis if has_redis() => Some(vec!["redis-server".to_owned()]),
            Engine::Redis => None,
            Engine::Valkey if Path::new(VALKEY).exists() => Some(vec![VALKEY.to_owned()]),
            Engine::Valkey if in_chroot.exists() && nix::unistd::geteuid().is_root() => {
                Some(["chroot", CHROOT, VALKEY].map(str::to_owned).into())
            }
            Engine::Valkey => {
                skip("a shared state on Valkey: valkey-server is missing (Debian 13 has it)");
                None
            }
        }
    }
}

/// Returns true if Redis and its command line client are installed.
pub fn has_redis() -> bool {
    program_for("a shared state on Redis", "/usr/bin/redis-server", "redis-server")
}

/// A server. Dropping it ends it.
pub struct Server {
    child: Child,
    pub port: u16,
    options: Vec<String>,
    command: Vec<String>,
    scratch: Scratch,
}

impl Server {
    /// Starts a server without a file, with more options; `None` where the program is
    /// not installed.
    pub fn start(engine: Engine, options: &[&str]) -> Option<Server> {
        Server::start_on(free_port(), engine, options)
    }

    /// The same on a port.
    pub fn start_on(port: u16, engine: Engine, options: &[&str]) -> Option<Server> {
        let number = port.to_string();
        let all = [&["--save", "", "--port", &number], options].concat();
        Some(Server::of(engine.command()?, &all, port))
    }

    /// The same with a configuration file.
    pub fn start_with_file(file: &str, engine: Engine, options: &[&str]) -> Option<Server> {
        let port = free_port();
        let number = port.to_string();
        let all = [&[file, "--port", &number], options].concat();
        Some(Server::of(engine.command()?, &all, port))
    }

    /// Starts a command with these options, which name the port.
    pub fn of(command: Vec<String>, options: &[&str], port: u16) -> Server {
        let scratch = Scratch::new();
        let options: Vec<String> = options.iter().map(ToString::to_string).collect();
        let child = child(&command, &options, &scratch);
        let server = Server { child, port, options, command, scratch };
        server.wait_until_it_answers();
        server
    }

    /// Ends the server, if it runs, and starts it again; what it kept is lost.
    pub fn restart(&mut self) {
        self.end();
        self.child = child(&self.command, &self.options, &self.scratch);
        self.wait_until_it_answers();
    }

    /// Kills the server.
    pub fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("a living server");
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends a command, and returns the reply as redis-cli prints it for programs.
    pub fn ask(&self, words: &[&str]) -> String {
        let port = self.port.to_string();
        let output =
            Command::new("redis-cli").args(["-p", &port]).args(words).output().expect("redis-cli");
        String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
    }

    /// The texts of all records whose names match a pattern, sorted.
    pub fn records(&self, pattern: &str) -> Vec<String> {
        let mut records: Vec<String> = self
            .ask(&["--scan", "--pattern", pattern])
            .lines()
            .map(|name| format!("{name}={}", self.ask(&["get", name])))
            .collect();
        records.sort();
        records
    }

    fn wait_until_it_answers(&self) {
        wait_until("the server answers", || {
            let reply = self.ask(&["ping"]);
            reply == "PONG" || reply.starts_with("NOAUTH")
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn child(command: &[String], options: &[String], scratch: &Scratch) -> Child {
    let log = File::create(scratch.path().join("log")).expect("a log file");
    Command::new(&command[0])
        .args(&command[1..])
        .args(options)
        // A replica writes what it gets to a file here, whatever --save says.
        .current_dir(scratch.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a descriptor"))
        .stderr(log)
        .spawn()
        .expect("the server")
}

/// Prepares a host that uses a shared state, and waits for it however busy this machine
/// is.
pub fn host(url: &str) -> Builder {
    host_that_waits(url, 5000)
}

/// The same with a time limit in milliseconds.
pub fn host_that_waits(url: &str, milliseconds: u32) -> Builder {
    Daemon::builder(Program::Ours)
        .env("POSTGREY_SHARED_STATE", url)
        .arg("--hostname=mx.test.example")
        .arg(format!("--shared-state-timeout={milliseconds}"))
}
