//! A proxy in a separate thread.

use crate::dns::Servers;
use crate::server::relay::{ClientQuestion, Relay, RelayOptions, RelayStats, TlsFiles};
use crate::session::smtp::ProxyVersion;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

pub const LONG: Duration = Duration::from_secs(20);

/// The client that is exempt from the first byte.
pub const EXEMPT: [u8; 4] = [127, 0, 0, 9];
pub const CLIENT: [u8; 4] = [127, 0, 0, 5];

pub fn options(backend: SocketAddr) -> RelayOptions {
    RelayOptions {
        backend: backend.into(),
        proxy_protocol: Some(ProxyVersion::One),
        host: "proxy.test".to_owned(),
        tls: None,
        dns_timeout: Duration::from_secs(1),
        max_clients: 1000,
        backend_timeout: LONG,
    }
}

/// The certificate of `mx.test`, issued by `ca.pem`.
pub fn tls_files() -> TlsFiles {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/relay/tests");
    TlsFiles { certificate: directory.join("certificate.pem"), key: directory.join("key.pem") }
}

/// The actions of a proxy, after its end.
pub struct Done {
    pub stats: RelayStats,
    pub lines: Vec<String>,
}

/// A proxy in its own thread.
pub struct Proxy {
    pub address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Done>,
}

impl Proxy {
    /// Recipients that begin with `pass` pass, others are deferred.
    pub fn start(options: RelayOptions) -> Proxy {
        let (sender, receiver) = mpsc::channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let (relay, address) = relay(options);
            sender.send(address).unwrap();
            run(relay, &flag)
        });
        Proxy { address: receiver.recv_timeout(LONG).unwrap(), is_over, thread }
    }

    pub fn stop(self) -> Done {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// A relay, and the address at which it listens.
pub fn relay(options: RelayOptions) -> (Relay, SocketAddr) {
    let listener = mio::net::TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let no_dns = Servers::new(&[], LONG, 1);
    (Relay::new(options, vec![listener], no_dns).unwrap(), address)
}

/// One turn of the event loop. Returns the lines for the log.
pub fn turn(relay: &mut Relay) -> Vec<String> {
    relay.run();
    for question in relay.questions() {
        decide(relay, &question);
    }
    relay.lines().into_iter().map(|(_, line)| line).collect()
}

fn run(mut relay: Relay, is_over: &AtomicBool) -> Done {
    let mut poll = Poll::new().unwrap();
    let descriptor = relay.poll().as_raw_fd();
    let registry = poll.registry();
    registry.register(&mut SourceFd(&descriptor), Token(0), Interest::READABLE).unwrap();
    let mut events = Events::with_capacity(64);
    let mut lines = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let longest = Duration::from_millis(5);
        let deadline =
            relay.deadline().map(|it| it.saturating_duration_since(std::time::Instant::now()));
        poll.poll(&mut events, Some(deadline.unwrap_or(longest).min(longest))).unwrap();
        lines.extend(turn(&mut relay));
    }
    Done { stats: relay.stats(), lines }
}

fn decide(relay: &mut Relay, question: &ClientQuestion) {
    let client = question.request().client_address;
    match &question.recipient {
        None => relay.exempt(question.ticket, client == b"127.0.0.9"),
        Some(asked) => {
            let passes = asked.recipient.starts_with(b"pass");
            let refusal = (!passes).then(|| b"451 4.7.1 Greylisted\r\n".to_vec());
            relay.answer(question.ticket, refusal);
        }
    }
}

/// A client with a separate address.
pub struct Client {
    pub stream: TcpStream,
}

impl Client {
    pub fn connect(proxy: &Proxy, from: [u8; 4]) -> Client {
        Client::connect_to(proxy.address, from)
    }

    /// Connects a client to this address.
    pub fn connect_to(address: SocketAddr, from: [u8; 4]) -> Client {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
        socket.connect_timeout(&address.into(), LONG).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        Client { stream }
    }

    pub fn greeted(proxy: &Proxy) -> Client {
        let mut client = Client::connect(proxy, CLIENT);
        assert_eq!(client.line(), "220 proxy.test ESMTP");
        client
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// The next line, without its end; empty at the end of the connection.
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while self.stream.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
            line.push(byte[0]);
        }
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// Sends a command, and returns the last line of the reply.
    pub fn ask(&mut self, command: &str) -> String {
        self.send(format!("{command}\r\n"));
        loop {
            let line = self.line();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    pub fn arrived(&mut self) -> String {
        let mut arrived = Vec::new();
        self.stream.set_nonblocking(true).unwrap();
        if let Err(error) = self.stream.read_to_end(&mut arrived) {
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        }
        self.stream.set_nonblocking(false).unwrap();
        String::from_utf8(arrived).unwrap()
    }

    /// Everything up to the end of the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        rest
    }

    /// EHLO, MAIL, and a recipient that passes; returns the reply to that.
    pub fn ask_to_pass(&mut self) -> String {
        self.ask("EHLO client.test");
        self.ask("MAIL FROM:<s@a.test>");
        self.ask("RCPT TO:<pass@b.test>")
    }
}
