//! Work beside a load. Each neighbour works until the load ends, and reports what it
//! has done.

use crate::subject::Subject;
use crate::traffic::{Population, Traffic, WHITELISTED};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use testkit::{Listener, Program};

pub type OtherClient = fn(&Subject, Population, &AtomicBool) -> String;

const PIPELINED: usize = 1_000_000;

/// Requests that are written at once, and again and again.
const BLOCK: usize = 1_000;

const REPLY: &[u8] = b"action=DUNNO\n\n";

/// How long the server may take no request and give no reply.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Between two HUPs: one that comes while lists are read lets them be read
/// once more, so that reading hardly ever ends.
const BETWEEN_HANG_UPS: Duration = Duration::from_millis(200);

/// How often it is looked whether a tool has ended or has to.
const LOOK: Duration = Duration::from_millis(10);

pub fn nothing(_: &Subject, _: Population, _: &AtomicBool) -> String {
    String::new()
}

/// Sends a million requests of exempt clients without waiting for replies, and
/// reads those as they come. Then does so on another connection.
pub fn flood(subject: &Subject, population: Population, is_over: &AtomicBool) -> String {
    let Listener::Unix(path) = subject.listener() else {
        panic!("a Unix-domain socket is asked for")
    };
    let mut traffic = Traffic::new(WHITELISTED, population, 0);
    let block: Vec<u8> = (0..BLOCK).flat_map(|_| traffic.next().0.to_vec()).collect();
    let mut replies = 0;
    while !is_over.load(Ordering::Relaxed) {
        let stream = UnixStream::connect(path).expect("a server that takes connections");
        replies += pipeline(&stream, &block, is_over).expect("a server that reads and replies");
    }
    format!("{replies} replies to it")
}

fn pipeline(stream: &UnixStream, block: &[u8], is_over: &AtomicBool) -> io::Result<usize> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    thread::scope(|scope| {
        let replies = scope.spawn(|| count_replies(stream));
        let mut sent = 0;
        while sent < PIPELINED && !is_over.load(Ordering::Relaxed) {
            let mut stream = stream;
            stream.write_all(block)?;
            sent += BLOCK;
        }
        stream.shutdown(std::net::Shutdown::Write)?;
        let replies = replies.join().expect("a reader")?;
        assert_eq!(replies, sent, "each request has a reply");
        Ok(replies)
    })
}

/// Reads to the end; each reply has to be the right one.
fn count_replies(mut stream: &UnixStream) -> io::Result<usize> {
    let mut buffer = vec![0; REPLY.len() * 4096];
    let (mut held, mut replies) = (0, 0);
    loop {
        let length = stream.read(&mut buffer[held..])?;
        if length == 0 {
            assert_eq!(held, 0, "the last reply is whole");
            return Ok(replies);
        }
        held += length;
        let whole = held - held % REPLY.len();
        for reply in buffer[..whole].chunks(REPLY.len()) {
            assert_eq!(reply, REPLY, "a wrong answer: {}", reply.escape_ascii());
            replies += 1;
        }
        buffer.copy_within(whole..held, 0);
        held -= whole;
    }
}

pub fn hang_up(subject: &Subject, _: Population, is_over: &AtomicBool) -> String {
    let mut sent = 0;
    while !is_over.load(Ordering::Relaxed) {
        kill(Pid::from_raw(subject.pid()), Signal::SIGHUP).expect("a living daemon");
        sent += 1;
        thread::sleep(BETWEEN_HANG_UPS);
    }
    format!("{sent} sent")
}

pub fn export(subject: &Subject, _: Population, is_over: &AtomicBool) -> String {
    tool("export", subject, is_over)
}

pub fn list(subject: &Subject, _: Population, is_over: &AtomicBool) -> String {
    tool("list", subject, is_over)
}

fn tool(name: &str, subject: &Subject, is_over: &AtomicBool) -> String {
    let directory = subject.database().expect("a program with a database");
    let mut runs = 0;
    loop {
        let child = Command::new(Program::Ours.path())
            .arg(name)
            .arg(format!("--dbdir={}", directory.display()))
            .stdout(Stdio::null())
            .spawn()
            .expect("a tool of ours");
        if !ends(Run(child), is_over) {
            return format!("whole runs: {runs}");
        }
        runs += 1;
    }
}

fn ends(mut run: Run, is_over: &AtomicBool) -> bool {
    while !is_over.load(Ordering::Relaxed) {
        if let Some(status) = run.0.try_wait().expect("a child") {
            assert!(status.success(), "a tool of ours failed: {status}");
            return true;
        }
        thread::sleep(LOOK);
    }
    false
}

struct Run(Child);

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
