//! The SMTP proxy of the real daemon: its options, its sockets, its
//! certificate and its metrics. What clients see of it is in `server::relay`,
//! and with a real Postfix in the tests of mail servers.

use crate::logcheck::{IGNORED, reported, with_headers};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Duration;
use testkit::http::exchange;
use testkit::{Builder, Daemon, Program, assert_contains, free_port, pem, wait_for};

const TIMEOUT: Duration = Duration::from_secs(20);

/// A daemon whose clients on this machine are its own users, who are connected
/// to a mail server that sends one line.
struct Site {
    builder: Builder,
    smtp: String,
    backend: TcpListener,
}

impl Site {
    fn new() -> Site {
        let backend = TcpListener::bind("127.0.0.1:0").expect("a port");
        let smtp = format!("127.0.0.1:{}", free_port());
        let builder = Daemon::builder(Program::Ours)
            .arg(format!("--smtp={smtp}"))
            .arg(format!("--smtp-backend={}", backend.local_addr().expect("an address")))
            .arg("--smtp-proxy-protocol=1");
        Site { builder, smtp, backend }
    }

    fn arg(mut self, argument: impl Into<String>) -> Site {
        self.builder = self.builder.arg(argument);
        self
    }
}

/// A client of the proxy, whose socket may be bound after the one that the kit
/// waits for.
fn connect(smtp: &str) -> TcpStream {
    wait_for("the proxy", || TcpStream::connect(smtp).ok())
}

/// The header of the next client that the mail server gets, and the connection.
/// Probes get no answer.
fn next_client(backend: &TcpListener) -> (String, TcpStream) {
    loop {
        let (stream, _) = backend.accept().expect("a connection");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        let mut header = String::new();
        let mut reader = BufReader::with_capacity(1, stream);
        reader.read_line(&mut header).expect("a header");
        if !header.starts_with("PROXY TCP4 127.0.0.1 127.0.0.1 25 ") {
            return (header, reader.into_inner());
        }
    }
}

#[test]
fn a_trusted_client_is_connected_to_the_mail_server() {
    let Site { builder, smtp, backend } = Site::new();
    let daemon = builder.start();
    let mut client = connect(&smtp);
    client.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    let port = client.local_addr().expect("an address").port();
    let (header, mut server) = next_client(&backend);
    assert!(header.starts_with("PROXY TCP4 127.0.0.1 127.0.0.1 "), "{header}");
    assert!(header.contains(&format!(" {port} ")), "{header}");
    server.write_all(b"220 backend\r\n").expect("the proxy");
    drop(server);
    let mut seen = String::new();
    client.read_to_string(&mut seen).expect("the proxy");
    assert_eq!(seen, "220 backend\r\n");
    drop(client);
    let line = daemon.wait_for_line("relayed: client_name=");
    assert!(line.contains(", received=0, sent=13, "), "{line}");
    assert_eq!(reported(IGNORED, &with_headers([&line])), [""; 0]);
}

#[test]
fn certificate_is_read_again_on_hup() {
    let site = Site::new();
    let certificate =
        site.builder.scratch().file("cert.pem", fs::read(pem("certificate.pem")).expect("PEM"));
    let key = site.builder.scratch().file("key.pem", fs::read(pem("key.pem")).expect("PEM"));
    let site = site
        .arg(format!("--smtp-tls-cert={}", certificate.display()))
        .arg(format!("--smtp-tls-key={}", key.display()));
    let Site { builder, smtp, backend } = site;
    let daemon = builder.start();
    // Only a daemon that serves has read them.
    let _client = connect(&smtp);
    next_client(&backend);
    fs::write(&certificate, "damaged").expect("the file");
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    daemon.wait_for_line("the old certificate remains in use");
}

#[test]
fn a_socket_of_systemd_named_smtp_replaces_the_option() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_FDNAMES=smtp LISTEN_PID=$$ exec \"$@\"";
    let Site { builder, backend, .. } = Site::new();
    let _daemon = builder
        .within(["/bin/sh", "-c", script, "sh"].map(str::to_string))
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)))
        .start();
    let _client = TcpStream::connect(address).expect("the proxy");
    let (header, _server) = next_client(&backend);
    assert!(header.starts_with("PROXY TCP4 127.0.0.1 "), "{header}");
}

#[test]
fn metrics_count_the_proxys_clients() {
    let port = free_port();
    let Site { builder, smtp, backend } = Site::new().arg(format!("--metrics=127.0.0.1:{port}"));
    let _daemon = builder.start();
    let _client = connect(&smtp);
    next_client(&backend);
    let metrics = TcpStream::connect(("127.0.0.1", port)).expect("the metrics");
    let page = exchange(metrics, "GET /metrics HTTP/1.0\r\n\r\n");
    assert_contains(
        &page,
        &[
            "postgrey_smtp_connections_total 1\n",
            "postgrey_smtp_relayed_total{start=\"connection\"} 1\n",
            "postgrey_smtp_relayed_total{start=\"recipient\"} 0\n",
            "postgrey_smtp_refused_total 0\n",
        ],
    );
}
