//! The listening sockets of a server, according to the kernel.

use crate::case::Run;
use crate::mail::mail;
use crate::process::{Process, outcome, printed, usual_words};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;
use testkit::{Client, Scratch, wait_until};

pub const CONTROL: &str = "/db/postgrey.control";

/// A server that runs for its sockets' sake. Dropping it kills it.
#[derive(Debug)]
pub struct Listening {
    process: Process,
    scratch: Scratch,
}

impl Run {
    /// Starts the program with these words, which say where to listen, and
    /// waits until it has done so and given root's rights up; or how it failed.
    pub fn listen(
        &self,
        scratch: Scratch,
        words: &[impl AsRef<OsStr>],
    ) -> Result<Listening, String> {
        self.listen_by(Command::new(self.program().path()), scratch, words)
    }

    /// The same, started by a command that becomes the program.
    pub fn listen_by(
        &self,
        command: Command,
        scratch: Scratch,
        words: &[impl AsRef<OsStr>],
    ) -> Result<Listening, String> {
        let words = usual_words(&scratch, words);
        let mut process = Process::start_by(command, self.program(), &scratch, &words);
        let listens = || printed(&scratch, "stderr").contains("\nSetting gid to ");
        wait_until("a server that listens", || process.has_ended() || listens());
        if !listens() {
            return Err(outcome(&scratch, process.wait(|| ())).shown_roughly());
        }
        Ok(Listening { process, scratch })
    }

    /// How a server with these words fails. One that does not fail is stopped
    /// by the end of the test's patience.
    pub fn fails(&self, words: &[impl AsRef<OsStr>]) -> String {
        let scratch = Scratch::new();
        let words = usual_words(&scratch, words);
        let status = Process::start(self, &scratch, &words).wait(|| ());
        outcome(&scratch, status).shown_roughly()
    }

    /// The sockets of a program with these words, or how it failed.
    pub fn listens_at(&self, words: &[impl AsRef<OsStr>]) -> String {
        match self.listen(Scratch::new(), words) {
            Ok(listening) => listening.sockets().join("\n"),
            Err(failure) => failure,
        }
    }
}

impl Listening {
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// The sockets for mail servers, as `127.0.0.1:10023`, `[::1]:10023` or the
    /// path.
    pub fn sockets(&self) -> Vec<String> {
        let mut sockets = self.all_sockets();
        sockets.retain(|socket| !socket.ends_with(CONTROL));
        sockets
    }

    pub fn all_sockets(&self) -> Vec<String> {
        // The kernel's tables are no snapshot: a row can be missed while other
        // sockets come and go.
        let look = || sockets_of(self.process.pid());
        let mut sockets = look();
        for _ in 0..50 {
            let before = sockets;
            sockets = look();
            if !sockets.is_empty() && sockets == before {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        sockets
    }

    pub fn log(&self) -> String {
        let log = printed(&self.scratch, "stderr");
        let lines = log.lines().filter(|line| {
            let others = ["TIME ", "Setting gid to ", "Setting uid to "];
            !others.iter().any(|start| line.starts_with(start))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The lines of the log that tell of user and group, once it serves at a
    /// socket in its directory.
    pub fn log_of_rights(&self, path: impl AsRef<Path>) -> String {
        self.serves_at(path);
        let log = printed(&self.scratch, "stderr");
        let lines = log.lines().filter(|line| line.starts_with("Setting "));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Waits until it serves at a socket in its directory.
    pub fn serves_at(&self, path: impl AsRef<Path>) {
        let path = self.scratch.path().join(path);
        let reply = Client::unix(&path).expect("a socket").try_to_ask(&mail());
        assert!(reply.is_some(), "no reply: {}", printed(&self.scratch, "stderr"));
    }

    /// Stops it as an administrator does, and returns its directory.
    /// It serves at a socket in it.
    pub fn stop(self, path: impl AsRef<Path>) -> (Scratch, ExitStatus) {
        self.serves_at(&path);
        let path = self.scratch.path().join(path);
        let pid = Pid::from_raw(i32::try_from(self.process.pid()).expect("a process id"));
        kill(pid, Signal::SIGTERM).expect("a living server");
        let status = self.process.wait(|| drop(UnixStream::connect(&path)));
        (self.scratch, status)
    }
}

fn sockets_of(pid: u32) -> Vec<String> {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors");
    let own: HashSet<String> = links
        .filter_map(|link| fs::read_link(link.ok()?.path()).ok())
        .filter_map(|target| {
            let target = target.to_string_lossy().into_owned();
            target.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_string)
        })
        .collect();
    let table = |name: &str| {
        let table = fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default();
        let rows = table.lines().skip(1);
        rows.map(|row| row.split_whitespace().map(str::to_string).collect()).collect()
    };
    let mut sockets = Vec::new();
    for name in ["tcp", "tcp6"] {
        let rows: Vec<Vec<String>> = table(name);
        let listening = rows.iter().filter(|row| row[3] == "0A" && own.contains(&row[9]));
        sockets.extend(listening.map(|row| address(&row[1])));
    }
    let rows: Vec<Vec<String>> = table("unix");
    // A flag marks listening sockets.
    let listening = rows.iter().filter(|row| row[3] == "00010000" && own.contains(&row[6]));
    sockets.extend(listening.filter_map(|row| row.get(7).cloned()));
    sockets.sort();
    sockets
}

/// `0100007F:2727` as people write it. The kernel prints words of four bytes in
/// the machine's own order.
fn address(text: &str) -> String {
    let (host, port) = text.split_once(':').expect("a port");
    let port = u16::from_str_radix(port, 16).expect("a port");
    let bytes: Vec<u8> = (0..host.len())
        .step_by(8)
        .flat_map(|at| u32::from_str_radix(&host[at..at + 8], 16).expect("a word").to_ne_bytes())
        .collect();
    match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(v4) => format!("{}:{port}", Ipv4Addr::from(v4)),
        Err(_) => {
            let v6 = <[u8; 16]>::try_from(bytes.as_slice()).expect("sixteen bytes");
            format!("[{}]:{port}", Ipv6Addr::from(v6))
        }
    }
}
