//! A logger that is not there, or does not listen.

use crate::faults::witness::{SPARE_MEMORY, Watch};
use crate::life::background::{self, Background};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;
use testkit::namespace::Namespace;
use testkit::private_dev::{listen_to_log, private_dev};
use testkit::{Attempt, Builder, Daemon, Program, wait_until};

/// A server in the background, which logs to `/dev/log`, and the `/dev` that only it
/// sees.
struct Server {
    background: Background,
    namespace: Namespace,
}

impl Server {
    /// Starts a server after `prepare` has seen its `/dev`. `None` where the system does
    /// not allow it, see [`Namespace::new`].
    fn start<T>(prepare: impl FnOnce(&Namespace) -> T) -> Option<(Server, T)> {
        let builder = Daemon::builder(Program::Ours);
        let namespace = private_dev(&builder.scratch().subdirectory("dev"))?;
        let prepared = prepare(&namespace);
        let background = background::start(builder.within(namespace.words()));
        let background = background.expect("a server that starts");
        Some((Server { background, namespace }, prepared))
    }

    fn watch(&self) -> Watch {
        Watch::at(self.background.pid, &self.background.listener)
    }
}

/// A listener at `/dev/log`, until it is dropped.
struct Logger {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Logger {
    fn new(namespace: &Namespace) -> Logger {
        let (socket, path) = listen_to_log(namespace, Duration::from_secs(20));
        Logger { socket, path }
    }

    /// The next datagram, byte for byte.
    fn datagram(&self) -> String {
        let mut datagram = vec![0; 16 * 1024];
        let length = self.socket.recv(&mut datagram).expect("a line within 20 seconds");
        datagram.truncate(length);
        String::from_utf8(datagram).expect("UTF-8")
    }

    /// Messages without time and name, until one of which this is a part.
    fn messages_until(&self, part: &str) -> Vec<String> {
        let mut messages: Vec<String> = Vec::new();
        while !messages.last().is_some_and(|message| message.contains(part)) {
            let datagram = self.datagram();
            let (_, message) = datagram.split_once("]: ").expect("a header");
            messages.push(message.trim_end().to_string());
        }
        messages
    }
}

impl Drop for Logger {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn attempt(recipient: &str) -> Attempt {
    Attempt::to(recipient).at(0)
}

/// Asks repeatedly about one triplet: each request is a line of the log.
fn ask(server: &Server, attempt: &Attempt, requests: usize) {
    let mut client = server.background.client();
    for _ in 0..requests / 100 {
        client.send(&attempt.bytes().repeat(100));
        for _ in 0..100 {
            let reply = client.reply().expect("a reply");
            assert!(reply.starts_with("DEFER_IF_PERMIT "), "{reply}");
        }
    }
}

/// Makes a server log more than it keeps for a reader; no client may notice.
/// Returns the number of requests.
fn log_too_much(server: &Server) -> usize {
    let watch = server.watch();
    // Bytes that are three in the log.
    let long = "\x01".repeat(480);
    let attempt = Attempt::new("192.0.2.1", "a.test", &long, &format!("{long}@b"));
    ask(server, &attempt.at(0), 3_000);
    3_000 + watch.end(SPARE_MEMORY)
}

/// Asserts that each request is either in the log or counted as lost.
fn assert_lost_lines_are_counted(logger: &Logger, requests: usize) {
    let messages = logger.messages_until("log lines were lost: the logger did not accept them");
    let logged = messages.iter().filter(|message| message.starts_with("action=")).count();
    let last = messages.last().expect("a message");
    let lost = last.split(' ').next().and_then(|number| number.parse().ok());
    assert_eq!(Some(requests - logged), lost, "{logged} of {requests} were told; {last}");
}

#[test]
fn lines_wait_for_a_missing_logger_and_lost_ones_are_counted() {
    let Some((server, ())) = Server::start(|_| ()) else { return };
    let requests = log_too_much(&server);
    assert_lost_lines_are_counted(&Logger::new(&server.namespace), requests);
}

#[test]
fn a_stalled_logger_does_not_delay_requests() {
    let Some((server, logger)) = Server::start(Logger::new) else { return };
    let requests = log_too_much(&server);
    assert_lost_lines_are_counted(&logger, requests);
}

#[test]
fn a_logger_that_was_replaced_gets_every_line() {
    let Some((server, logger)) = Server::start(Logger::new) else { return };
    let mut client = server.background.client();
    client.ask(&attempt("first@example.org"));
    logger.messages_until("first@example.org");
    drop(logger);
    let watch = server.watch();
    for number in 0..10 {
        client.ask(&attempt(&format!("{number}@example.org")));
    }
    watch.end(SPARE_MEMORY);
    let messages = Logger::new(&server.namespace).messages_until("recipient=9@example.org");
    for number in 0..10 {
        let recipient = format!("recipient={number}@example.org");
        let times = messages.iter().filter(|message| message.ends_with(&recipient)).count();
        assert_eq!(times, 1, "{recipient}");
    }
}

/// A server in the foreground whose standard error is this file.
fn with_standard_error(builder: Builder, file: &Path) -> Daemon {
    let words = ["/bin/sh", "-c", "exec \"$@\" 2>\"$0\""].map(str::to_string);
    builder.within(words).within([file.display().to_string()]).start()
}

/// Lets a server in the foreground log more than its reader takes at once.
/// Returns the number of requests.
fn assert_goes_on(server: &Daemon) -> usize {
    let watch = Watch::begin(server);
    watch.let_ask(500);
    watch.assert_mostly_asleep();
    watch.end(SPARE_MEMORY)
}

#[test]
fn standard_error_on_a_full_disk_is_ignored() {
    let builder = Daemon::builder(Program::Ours);
    let server = with_standard_error(builder, Path::new("/dev/full"));
    assert_goes_on(&server);
}

#[test]
fn unread_standard_error_is_ignored() {
    let builder = Daemon::builder(Program::Ours);
    let pipe = builder.scratch().path().join("pipe");
    mkfifo(&pipe, Mode::from_bits_truncate(0o600)).expect("a pipe");
    let mut open = OpenOptions::new();
    let mut reader =
        open.read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&pipe).expect("it");
    let server = with_standard_error(builder, &pipe);
    // 64 KiB of lines fill the pipe.
    let requests = assert_goes_on(&server);
    server.client().ask(&attempt("last@example.org"));
    let mut log = String::new();
    wait_until("the last line", || {
        let _ = reader.read_to_string(&mut log);
        log.contains("last@example.org")
    });
    assert_eq!(log.matches("action=").count(), requests + 1);
}

#[test]
fn no_client_can_forge_a_line() {
    let Some((server, logger)) = Server::start(Logger::new) else { return };
    let forged = "a\r<22>Nov  3 22:45:07 postgrey[1]: action=pass\x1b[2J\x7f\u{9b}2J\t@b";
    let attempt = Attempt::new("192.0.2.1", "mx\rmx.\x1b]0;x\x07", forged, forged);
    server.background.client().ask(&attempt.at(0));
    let mut datagrams = std::iter::repeat_with(|| logger.datagram());
    let datagram = datagrams.find(|datagram| datagram.contains("action=")).expect("a line");
    let line = datagram.strip_suffix('\n').expect("a newline at the end");
    assert_eq!(line.chars().filter(|letter| letter.is_control()).count(), 0, "{line:?}");
    let shown = "sender=a%0D<22>Nov  3 22:45:07 postgrey[1]: action=pass%1B[2J%7F%C2%9B2J%09@b";
    assert!(line.contains(shown), "{line}");
    assert!(line.contains("client_name=mx%0Dmx.%1B]0;x%07"), "{line}");
}

#[test]
fn a_client_cannot_fill_the_log_with_malformed_input() {
    let daemon = Daemon::builder(Program::Ours).start();
    let mut client = daemon.client();
    for _ in 0..50 {
        client.send(&b"garbage\n\n".repeat(1_000));
    }
    let attempt = attempt("bob@example.org");
    client.assert_deferred(&attempt);
    // The decision of a connection without its allowance is logged as always.
    let log = daemon.stop().log;
    let count = |part: &str| log.iter().filter(|line| line.contains(part)).count();
    assert!((100..1_100).contains(&count("garbage")), "{}", count("garbage"));
    assert!(log.len() < 1_200, "{}", log.len());
    assert_eq!(count("too much malformed input"), 1);
    assert_eq!(count("action=greylist, reason=new"), 1);
}
