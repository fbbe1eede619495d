//! STARTTLS.

use super::backend::{Backend, HONEST};
use super::harness::{Client, LONG, Proxy, options, tls_files};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;

type TlsClient = BufReader<StreamOwned<ClientConnection, TcpStream>>;

fn start_tls(mut client: Client, version: &'static SupportedProtocolVersion) -> TlsClient {
    assert_eq!(client.ask("STARTTLS"), "220 2.0.0 Ready to start TLS");
    let mut roots = RootCertStore::empty();
    let ca = tls_files().certificate.with_file_name("ca.pem");
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("mx.test").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    BufReader::new(StreamOwned::new(connection, client.stream))
}

fn ask(client: &mut TlsClient, command: &str) -> String {
    client.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
    let mut line = String::new();
    loop {
        line.clear();
        client.read_line(&mut line).unwrap();
        if line.as_bytes().get(3) != Some(&b'-') {
            return line.trim_end().to_owned();
        }
    }
}

fn proxy(backend: &Backend) -> Proxy {
    let mut options = options(backend.address);
    options.tls = Some(tls_files());
    Proxy::start(options)
}

#[test]
fn message_goes_through_tls_and_on_in_clear() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let backend = Backend::start(&HONEST, &vec![b'y'; 300_000]);
        let proxy = proxy(&backend);
        let mut client = start_tls(Client::greeted(&proxy), version);
        ask(&mut client, "EHLO a");
        assert_eq!(ask(&mut client, "STARTTLS"), "503 5.5.1 Error: TLS already active");
        ask(&mut client, "MAIL FROM:<>");
        assert_eq!(ask(&mut client, "RCPT TO:<other@b.test>"), "451 4.7.1 Greylisted");
        assert_eq!(ask(&mut client, "RCPT TO:<pass@b.test>"), "250 2.1.5 Recipient ok");
        let body = vec![b'x'; 300_000];
        client.get_mut().write_all(&body).unwrap();
        client.get_mut().conn.send_close_notify();
        client.get_mut().flush().unwrap();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).unwrap();
        assert!(rest == [b'y'; 300_000]);
        let recorded = backend.recorded.recv_timeout(LONG).unwrap();
        assert!(recorded.ends_with(&body));
        assert_eq!(proxy.stop().stats.tls, 1);
    }
}

#[test]
fn commands_sent_in_clear_after_starttls_are_not_obeyed() {
    let backend = Backend::start(&HONEST, b"");
    let proxy = proxy(&backend);
    let mut client = Client::greeted(&proxy);
    client.send("STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@a.test>\r\n");
    assert_eq!(client.line(), "220 2.0.0 Ready to start TLS");
    // Bytes after STARTTLS are not a handshake.
    client.send("RCPT TO:<pass@b.test>\r\n");
    let rest = client.rest();
    assert!(!rest.starts_with(b"250") && rest.len() < 20, "{}", rest.escape_ascii());
    let mut client = Client::greeted(&proxy);
    assert_eq!(client.ask("NOOP"), "250 2.0.0 Ok");
}

#[test]
fn garbage_in_place_of_tls_ends_the_connection() {
    let backend = Backend::start(&HONEST, b"");
    let proxy = proxy(&backend);
    for garbage in [&b"\x16\x03\x01\xff\xff"[..], b"\x16\x03\x01\0\x05\x01\0\0\x01\0", &[0; 5000]] {
        let mut client = Client::greeted(&proxy);
        client.ask("STARTTLS");
        client.send(garbage);
        let mut rest = Vec::new();
        // The proxy may have closed before this, with a reset.
        let _ = client.stream.shutdown(std::net::Shutdown::Write);
        let _ = client.stream.read_to_end(&mut rest);
        assert!(rest.len() < 20, "{}", rest.escape_ascii());
    }
    assert_eq!(Client::greeted(&proxy).ask("NOOP"), "250 2.0.0 Ok");
}

#[test]
fn unusable_certificates_are_reported_with_their_option() {
    let right = tls_files();
    for (certificate, key, option) in [
        ("missing.pem", "key.pem", "--smtp-tls-cert="),
        ("key.pem", "key.pem", "--smtp-tls-cert="),
        ("certificate.pem", "certificate.pem", "--smtp-tls-key="),
        ("certificate.pem", "missing.pem", "--smtp-tls-key="),
        ("ca.pem", "key.pem", "--smtp-tls-cert="),
    ] {
        let mut files = right.clone();
        files.certificate.set_file_name(certificate);
        files.key.set_file_name(key);
        let error = files.read().unwrap_err();
        assert!(error.starts_with(option), "{certificate} {key}: {error}");
    }
    assert!(right.read().is_ok());
}

#[test]
fn renegotiation_is_refused() {
    if !testkit::program_for("TLS renegotiation", "/usr/bin/openssl", "openssl") {
        return;
    }
    let backend = Backend::start(&HONEST, b"");
    let proxy = proxy(&backend);
    let mut client = Command::new("/usr/bin/openssl")
        .args(["s_client", "-starttls", "smtp", "-tls1_2", "-connect"])
        .arg(proxy.address.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A line with R renegotiates.
    client.stdin.take().unwrap().write_all(b"R\n").unwrap();
    let output = client.wait_with_output().unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(messages.contains("no renegotiation"), "{messages}");
    assert_eq!(Client::greeted(&proxy).ask("NOOP"), "250 2.0.0 Ok");
}
