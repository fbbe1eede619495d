//! Many connections, and odd ones.

use crate::faults::witness::{SPARE_MEMORY, Watch};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use socket2::SockRef;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use testkit::{Attempt, Client, Daemon, Listener, Program, require, wait_for, wait_until};

/// A request about a new triplet.
fn new_attempt(number: usize) -> Attempt {
    let recipient = format!("r{number}@example.org");
    Attempt::to(&recipient).at(0)
}

/// Lets this process have as many connections as the system allows.
pub fn allow_many_connections(wanted: u64) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    assert!(hard >= wanted, "{hard} descriptors are allowed, the test needs {wanted}: ulimit -n");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("the soft limit raised");
}

fn assert_deferral(client: &mut Client) {
    let reply = client.reply().expect("a reply");
    assert!(reply.starts_with("DEFER_IF_PERMIT "), "{reply}");
}

/// The lines of the log that are not about a mail or the daemon's start.
fn remarks(daemon: &Daemon) -> Vec<String> {
    let is_remark = |line: &String| {
        !["action=", "Binding to", "Setting ", "starting! pid("]
            .iter()
            .any(|usual| line.contains(usual))
    };
    daemon.log().into_iter().filter(is_remark).collect()
}

#[test]
fn two_thousand_connections_are_served_while_half_are_silent() {
    allow_many_connections(2_100);
    let daemon = Daemon::builder(Program::Ours).start();
    let watch = Watch::begin(&daemon);
    let mut speaking = Vec::new();
    let mut silent = Vec::new();
    for _ in 0..1_000 {
        speaking.push(daemon.client());
        silent.push(daemon.client());
    }
    for (number, client) in speaking.iter_mut().enumerate() {
        client.send(&new_attempt(number).bytes());
    }
    for client in &mut speaking {
        assert_deferral(client);
    }
    watch.end(SPARE_MEMORY);
    for (number, client) in silent.iter_mut().enumerate() {
        client.assert_deferred(&new_attempt(number));
    }
}

fn with_few_descriptors() -> Daemon {
    require("/usr/bin/prlimit", "util-linux");
    let limit = ["/usr/bin/prlimit", "--nofile=64", "--"].map(str::to_string);
    Daemon::builder(Program::Ours).within(limit).start()
}

#[test]
fn clients_beyond_the_limit_of_descriptors_are_served_later() {
    let daemon = with_few_descriptors();
    let watch = Watch::begin(&daemon);
    let mut clients: Vec<Client> = (0..100).map(|_| daemon.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&new_attempt(number).bytes());
    }
    let complaints = wait_for("a complaint", || {
        let remarks = remarks(&daemon);
        (!remarks.is_empty()).then_some(remarks)
    });
    watch.assert_mostly_asleep();
    watch.end(SPARE_MEMORY);
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    for client in &mut clients {
        assert_deferral(client);
    }
}

/// A client that sends requests about one triplet as fast as they are taken.
struct Flood {
    stream: UnixStream,
    requests: Vec<u8>,
    sent: usize,
}

impl Flood {
    fn new(daemon: &Daemon) -> Flood {
        let stream = UnixStream::connect(daemon.socket()).expect("a server that listens");
        stream.set_nonblocking(true).expect("non-blocking");
        Flood { stream, requests: new_attempt(0).bytes().repeat(10), sent: 0 }
    }

    fn pour(&mut self) {
        loop {
            let rest = &self.requests[self.sent % self.requests.len()..];
            match self.stream.write(rest) {
                Ok(length) => self.sent += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("after {} bytes: {error}", self.sent),
            }
        }
    }
}

#[test]
fn a_client_that_never_reads_uses_bounded_memory() {
    let daemon = Daemon::builder(Program::Ours).start();
    let watch = Watch::begin(&daemon);
    let mut flood = Flood::new(&daemon);
    wait_until("more to be sent than a socket takes", || {
        flood.pour();
        flood.sent > 200_000
    });
    // More while others ask: memory must not grow with what is sent.
    for _ in 0..100 {
        flood.pour();
        watch.let_ask(1);
    }
    watch.end(1024);
}

#[test]
fn a_client_that_reads_late_gets_every_reply() {
    let daemon = Daemon::builder(Program::Ours).start();
    let others = Watch::begin(&daemon);
    let mut flood = Flood::new(&daemon);
    // Until its replies fill all buffers, so that no more requests are read.
    let mut taken = None;
    while taken != Some(flood.sent) {
        taken = Some(flood.sent);
        others.let_ask(20);
        flood.pour();
    }
    let complete = flood.sent / new_attempt(0).bytes().len();
    flood.stream.set_nonblocking(false).expect("blocking");
    flood.stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    assert_eq!(count_replies(flood.stream, complete), complete);
}

/// Sends requests on many connections at once: the server is stopped meanwhile,
/// so that all stand before its listener at the same moment.
fn rush(daemon: &Daemon, requests: &[Vec<u8>]) -> Vec<UnixStream> {
    let connect = |_| UnixStream::connect(daemon.socket()).expect("a server that listens");
    let mut streams: Vec<UnixStream> = requests.iter().map(connect).collect();
    daemon.signal(Signal::SIGSTOP);
    for (stream, requests) in streams.iter_mut().zip(requests) {
        stream.write_all(requests).expect("room in a socket");
    }
    daemon.signal(Signal::SIGCONT);
    streams
}

#[test]
fn a_burst_of_requests_does_not_delay_other_clients() {
    allow_many_connections(1_100);
    let daemon = Daemon::builder(Program::Ours).start();
    let requests: Vec<Vec<u8>> = (0..1_000)
        .map(|number| (0..100).flat_map(|i| new_attempt(100 * number + i).bytes()).collect())
        .collect();
    let watch = Watch::begin(&daemon);
    let streams = rush(&daemon, &requests);
    let replies: usize = streams.into_iter().map(|stream| count_replies(stream, 100)).sum();
    assert_eq!(replies, 100_000);
    watch.end(SPARE_MEMORY);
}

/// Counts replies, until there are `wanted` or no more come.
fn count_replies(stream: UnixStream, wanted: usize) -> usize {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.by_ref().filter(|line| line.starts_with("action=")).take(wanted).count()
}

#[test]
fn clients_are_accepted_while_silent_ones_hold_all_descriptors() {
    let daemon = with_few_descriptors();
    let silent: Vec<Client> = (0..40).map(|_| daemon.client()).collect();
    daemon.client().assert_deferred(&new_attempt(0));
    let remarks = remarks(&daemon);
    assert_eq!(remarks.len(), 1, "{remarks:?}");
    assert!(remarks[0].contains("raise the limit (LimitNOFILE, ulimit -n)"), "{remarks:?}");
    drop(silent);
}

#[test]
fn requests_without_an_end_use_bounded_memory() {
    allow_many_connections(2_100);
    let daemon = Daemon::builder(Program::Ours).start();
    let watch = Watch::begin(&daemon);
    let beginning = format!("request={}", "x".repeat(60_000)).into_bytes();
    let mut streams = Vec::new();
    for _ in 0..2_000 {
        let mut stream = UnixStream::connect(daemon.socket()).expect("a server that listens");
        // The server may close it at any moment.
        let _ = stream.write_all(&beginning);
        streams.push(stream);
    }
    wait_until("a complaint", || !remarks(&daemon).is_empty());
    watch.end(80 * 1024);
}

#[test]
fn a_request_of_100_megabytes_is_cut_short() {
    let daemon = Daemon::builder(Program::Ours).start();
    for piece in [vec![b'x'; 1 << 20], b"name=value\n".repeat(95_000)] {
        let watch = Watch::begin(&daemon);
        let mut stream = UnixStream::connect(daemon.socket()).expect("a server that listens");
        let taken = (0..100).take_while(|_| stream.write_all(&piece).is_ok()).count();
        watch.end(1024);
        assert!(taken < 2, "{taken} MB were taken");
    }
    let line = "closing a connection: its request exceeds 65536 bytes";
    assert_eq!(remarks(&daemon), [line, line]);
}

#[test]
fn a_storm_of_connects_and_resets_does_not_affect_other_clients() {
    let daemon = Daemon::builder(Program::Ours).tcp().start();
    let Listener::Tcp(address) = daemon.listener() else { panic!("it listens over TCP") };
    let watch = Watch::begin(&daemon);
    let request = new_attempt(0).bytes();
    for number in 0..20_000 {
        let stream = TcpStream::connect(address).expect("a server that listens");
        // Closed with a reset: at once, within a request, before its reply.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
        let length = [0, 10, request.len()][number % 3];
        let _ = (&stream).write_all(&request[..length]);
    }
    watch.end(1024);
    let open = fs::read_dir(format!("/proc/{}/fd", daemon.pid())).expect("a living daemon").count();
    assert!(open < 64, "{open} descriptors are still open");
}
