//! A mail server that repeats a script, and records what it gets.

use super::harness::{self, CLIENT, Client, Done, LONG, Proxy, options};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use testkit::wait_for;

/// A mail server. Its probes are answered separately.
pub struct Backend {
    pub address: SocketAddr,
    /// The bytes of each ended connection.
    pub recorded: Receiver<Vec<u8>>,
}

/// A mail server's action in place of its next reply.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Reply(&'static str),
    Close,
    Stall,
}

pub const HONEST: [Step; 4] = [
    Step::Reply("220 backend ESMTP\r\n"),
    Step::Reply("250-backend\r\n250-PIPELINING\r\n250 SIZE 100000000\r\n"),
    Step::Reply("250 2.1.0 Ok\r\n"),
    Step::Reply("250 2.1.5 Recipient ok\r\n"),
];

/// Returns true if a PROXY header is the probe's own.
fn is_probe(header: &str) -> bool {
    header.starts_with("PROXY TCP4 127.0.0.1 127.0.0.1 25 ")
}

impl Backend {
    /// A mail server that goes through these steps, then records what comes and
    /// sends `after`.
    pub fn start(steps: &[Step], after: &[u8]) -> Backend {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, recorded) = channel();
        let (steps, after) = (steps.to_vec(), after.to_vec());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (steps, after, sender) = (steps.clone(), after.clone(), sender.clone());
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    stream.set_read_timeout(Some(LONG)).unwrap();
                    let header = line(&mut stream);
                    if is_probe(&header) {
                        return serve(&mut stream, &HONEST[..2], b"").map_or((), |_| ());
                    }
                    if let Some(rest) = serve(&mut stream, &steps, &after) {
                        let _ = sender.send([header.into_bytes(), rest].concat());
                    }
                });
            }
        });
        Backend { address, recorded }
    }
}

/// Performs the steps, each after a line except the first. Returns all received
/// bytes.
fn serve(stream: &mut TcpStream, steps: &[Step], after: &[u8]) -> Option<Vec<u8>> {
    let mut recorded = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        if index > 0 {
            recorded.extend(line(stream).into_bytes());
        }
        match step {
            Step::Reply(reply) => stream.write_all(reply.as_bytes()).ok()?,
            Step::Close => return None,
            Step::Stall => {
                stream.read_to_end(&mut recorded).ok()?;
                return Some(recorded);
            }
        }
    }
    let mut writer = stream.try_clone().ok()?;
    let after = after.to_vec();
    let thread = std::thread::spawn(move || {
        let _ = writer.write_all(&after);
        let _ = writer.shutdown(std::net::Shutdown::Write);
    });
    stream.read_to_end(&mut recorded).ok()?;
    thread.join().ok()?;
    Some(recorded)
}

fn line(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while matches!(stream.read(&mut byte), Ok(1)) {
        line.push(byte[0]);
        if byte == *b"\n" {
            break;
        }
    }
    String::from_utf8(line).unwrap()
}

/// The replies to two recipients that pass, by a mail server with these steps.
fn replies(steps: &[Step], timeout: Duration) -> (String, String, Done) {
    let backend = Backend::start(steps, b"");
    let mut options = options(backend.address);
    options.backend_timeout = timeout;
    let proxy = Proxy::start(options);
    let mut client = Client::greeted(&proxy);
    let first = client.ask_to_pass();
    let second = client.ask("RCPT TO:<other@b.test>");
    (first, second, proxy.stop())
}

const AWAY: &str = "451 4.3.2 Error: mail server not available";
const GREYLISTED: &str = "451 4.7.1 Greylisted";

#[test]
fn refusal_of_a_repeated_command_is_the_reply_to_the_recipient() {
    for refusal in ["450 4.2.0 busy\r\n", "554-5.7.1 no\r\n554 5.7.1 never\r\n"] {
        for step in 0..4 {
            let mut steps = HONEST[..step].to_vec();
            steps.push(Step::Reply(refusal));
            let (first, second, done) = replies(&steps, LONG);
            let last = refusal.trim_end().rsplit("\r\n").next().unwrap();
            assert_eq!((first.as_str(), second.as_str()), (last, GREYLISTED), "step {step}");
            assert_eq!(done.stats.backend_failures, 0);
        }
    }
}

#[test]
fn client_is_deferred_where_the_mail_server_closes() {
    for step in 0..4 {
        let (first, second, done) = replies(&[&HONEST[..step], &[Step::Close]].concat(), LONG);
        assert_eq!((first.as_str(), second.as_str()), (AWAY, GREYLISTED), "step {step}");
        let reports = done.lines.iter().filter(|line| line.ends_with("; mail is deferred"));
        assert_eq!(reports.count(), 1, "{:?}", done.lines);
    }
}

#[test]
fn client_is_deferred_where_the_mail_server_stalls() {
    for step in [0, 3] {
        let steps = [&HONEST[..step], &[Step::Stall]].concat();
        let (first, second, _) = replies(&steps, Duration::from_millis(300));
        assert_eq!((first.as_str(), second.as_str()), (AWAY, GREYLISTED), "step {step}");
    }
}

#[test]
fn client_is_deferred_where_the_mail_server_talks_first() {
    let steps = [Step::Reply("220 backend\r\n250 already\r\n"), Step::Stall];
    let (first, second, _) = replies(&steps, LONG);
    assert_eq!((first.as_str(), second.as_str()), (AWAY, GREYLISTED));
}

/// Waits for the next connection.
fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let stream = wait_for("a connection", || Some(listener.accept().ok()?.0));
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// Answers the probe, which is the next connection.
fn answer_probe(listener: &TcpListener) {
    let mut probe = accept(listener);
    assert!(is_probe(&line(&mut probe)));
    serve(&mut probe, &HONEST[..2], b"").unwrap();
}

#[test]
fn client_is_not_greeted_before_the_mail_server_has_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut relay, address) = harness::relay(options(listener.local_addr().unwrap()));
    let mut client = Client::connect_to(address, CLIENT);
    while relay.clients() == 0 {
        harness::turn(&mut relay);
    }
    for _ in 0..100 {
        harness::turn(&mut relay);
        assert_eq!(client.arrived(), "");
    }
    let server = std::thread::spawn(move || answer_probe(&listener));
    let deadline = Instant::now() + LONG;
    let mut seen = String::new();
    while seen.is_empty() {
        assert!(Instant::now() < deadline);
        harness::turn(&mut relay);
        seen = client.arrived();
    }
    assert_eq!(seen, "220 proxy.test ESMTP\r\n");
    server.join().unwrap();
}

#[test]
fn client_is_turned_away_if_the_mail_server_has_never_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let proxy = Proxy::start(options(address));
    for _ in 0..2 {
        let mut client = Client::connect(&proxy, CLIENT);
        assert_eq!(client.line(), "421 4.3.2 Error: mail server not available");
        assert_eq!(client.line(), "");
    }
}

#[test]
fn mail_server_may_come_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let proxy = Proxy::start(options(address));
    answer_probe(&listener);
    drop(listener);
    let mut client = Client::greeted(&proxy);
    assert_eq!(client.ask_to_pass(), AWAY);
    assert_eq!(client.ask("RCPT TO:<pass@b.test>"), AWAY);
    let mut exempt = Client::connect(&proxy, super::harness::EXEMPT);
    assert_eq!(exempt.line(), "421 4.3.2 Error: mail server not available");
    let listener = TcpListener::bind(address).unwrap();
    client.send("RCPT TO:<pass@b.test>\r\n");
    let mut stream = accept(&listener);
    let header = line(&mut stream);
    assert!(header.starts_with("PROXY TCP4 127.0.0.5 127.0.0.1 "), "{header}");
    let server = std::thread::spawn(move || serve(&mut stream, &HONEST, b""));
    assert_eq!(client.line(), "250 2.1.5 Recipient ok");
    drop(client);
    assert!(server.join().unwrap().is_some());
    let done = proxy.stop();
    let of_backend: Vec<&String> =
        done.lines.iter().filter(|line| line.starts_with("mail server")).collect();
    assert_eq!(of_backend.len(), 2, "{of_backend:?}");
    assert!(of_backend[1].ends_with("available again"));
    assert_eq!(CLIENT, [127, 0, 0, 5]);
}
