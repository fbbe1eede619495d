//! Every byte arrives as it was sent.

use super::backend::{Backend, HONEST};
use super::harness::{Client, EXEMPT, LONG, Proxy, options};
use crate::session::smtp::ProxyVersion;
use std::net::Shutdown;

/// Sequences that end a message for some programs and not for others.
const SMUGGLING: &[u8] = b"DATA\r\nSubject: x\r\n\r\n\n.\n\n.\r\n\r\n.\n\r.\r\r\n.\r\r\n\
    \r\n\0.\r\n\r\n.\r\n\r\n\x1a\r\nMAIL FROM:<evil@a.test>\r\n\xff\xfe\0BDAT 3 LAST\r\nabcQUIT\r\n";

const LINES: &str = "EHLO client.test\r\nMAIL FROM:<s@a.test>\r\nRCPT TO:<pass@b.test>\r\n";

/// Numbers that look random, and are the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[test]
fn pipelined_bytes_reach_the_mail_server_in_pieces_of_any_size() {
    let input = [LINES.as_bytes(), SMUGGLING].concat();
    for size in [1, 2, 7, 50, 131, 10_000] {
        let backend = Backend::start(&HONEST, b"250 after\r\n");
        let proxy = Proxy::start(options(backend.address));
        let mut client = Client::greeted(&proxy);
        for piece in input.chunks(size) {
            client.send(piece);
        }
        client.stream.shutdown(Shutdown::Write).unwrap();
        let seen = String::from_utf8(client.rest()).unwrap();
        assert!(
            seen.ends_with("250 2.1.0 Ok\r\n250 2.1.5 Recipient ok\r\n250 after\r\n"),
            "{seen}"
        );
        let recorded = backend.recorded.recv_timeout(LONG).unwrap();
        let start = recorded.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        assert!(recorded.starts_with(b"PROXY TCP4 127.0.0.5 127.0.0.1 "));
        assert_eq!(recorded[start..].escape_ascii().to_string(), input.escape_ascii().to_string());
        assert_eq!(proxy.stop().stats.handed_over, 1);
    }
}

#[test]
fn deferred_recipients_do_not_reach_the_mail_server() {
    let backend = Backend::start(&HONEST, b"");
    let proxy = Proxy::start(options(backend.address));
    let mut client = Client::greeted(&proxy);
    client.ask("HELO client.test");
    client.ask("MAIL FROM:<>");
    assert_eq!(client.ask("RCPT TO:<other@b.test>"), "451 4.7.1 Greylisted");
    assert_eq!(client.ask("DATA"), "451 4.7.1 Error: no recipient was accepted");
    assert_eq!(client.ask("RCPT TO:<pass@b.test>"), "250 2.1.5 Recipient ok");
    client.send("RCPT TO:<other@b.test>\r\n");
    client.stream.shutdown(Shutdown::Write).unwrap();
    let recorded = backend.recorded.recv_timeout(LONG).unwrap();
    let recorded = String::from_utf8(recorded).unwrap();
    let (_, commands) = recorded.split_once('\n').unwrap();
    assert_eq!(
        commands,
        "HELO client.test\r\nMAIL FROM:<>\r\nRCPT TO:<pass@b.test>\r\nRCPT TO:<other@b.test>\r\n"
    );
}

#[test]
fn nine_megabytes_go_both_ways_unchanged() {
    let (there, back) = (noise(9 << 20), noise(9_000_001));
    let backend = Backend::start(&HONEST, &back);
    let proxy = Proxy::start(options(backend.address));
    let mut client = Client::greeted(&proxy);
    assert_eq!(client.ask_to_pass(), "250 2.1.5 Recipient ok");
    let mut writer = client.stream.try_clone().unwrap();
    let sent = there.clone();
    let sender = std::thread::spawn(move || {
        std::io::Write::write_all(&mut writer, &sent).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    assert!(client.rest() == back);
    sender.join().unwrap();
    let recorded = backend.recorded.recv_timeout(LONG).unwrap();
    assert!(recorded.ends_with(&there));
    drop(client);
    let done = proxy.stop();
    let line = done.lines.last().unwrap();
    let bytes = there.len();
    assert!(
        line.starts_with(&format!(
            "relayed: client_name=unknown, client_address=127.0.0.5, received={bytes}, sent="
        )),
        "{line}"
    );
}

#[test]
fn exempt_client_is_connected_from_the_first_byte() {
    let backend = Backend::start(&[], b"220 backend\r\n");
    let mut options = options(backend.address);
    options.proxy_protocol = Some(ProxyVersion::One);
    let proxy = Proxy::start(options);
    let mut client = Client::connect(&proxy, EXEMPT);
    client.send(SMUGGLING);
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.rest(), b"220 backend\r\n");
    let recorded = backend.recorded.recv_timeout(LONG).unwrap();
    assert!(recorded.starts_with(b"PROXY TCP4 127.0.0.9 127.0.0.1 "));
    assert!(recorded.ends_with(SMUGGLING));
    assert_eq!(proxy.stop().stats.direct, 1);
}

#[test]
fn extensions_are_those_of_the_mail_server() {
    let backend = Backend::start(&HONEST, b"");
    let proxy = Proxy::start(options(backend.address));
    assert_eq!(Client::greeted(&proxy).ask("EHLO client.test"), "250 SIZE 100000000");
}
