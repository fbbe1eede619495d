//! Clients that mean harm.

use super::backend::{Backend, HONEST};
use super::harness::{CLIENT, Client, Proxy, options};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn network_has_fifty_connections() {
    let backend = Backend::start(&HONEST, b"");
    let proxy = Proxy::start(options(backend.address));
    let mut clients: Vec<Client> = (0..50).map(|_| Client::greeted(&proxy)).collect();
    let mut refused = Client::connect(&proxy, CLIENT);
    assert_eq!(refused.line(), "421 4.7.0 Error: too many connections");
    assert_eq!(clients[0].ask("QUIT"), "221 2.0.0 Bye");
    assert_eq!(clients[0].line(), "");
    drop(clients.remove(0));
    // The place is free once the proxy has seen the end.
    let has_place = (0..1000).any(|_| {
        let mut client = Client::connect(&proxy, CLIENT);
        client.line() == "220 proxy.test ESMTP"
    });
    assert!(has_place);
    assert!(proxy.stop().stats.turned_away >= 1);
}

#[test]
fn all_connections_are_limited() {
    let backend = Backend::start(&HONEST, b"");
    let mut options = options(backend.address);
    options.max_clients = 2;
    let proxy = Proxy::start(options);
    let _clients = [1, 2].map(|network| {
        let mut client = Client::connect(&proxy, [127, 0, network, 1]);
        assert_eq!(client.line(), "220 proxy.test ESMTP");
        client
    });
    let mut refused = Client::connect(&proxy, [127, 0, 3, 1]);
    assert_eq!(refused.line(), "421 4.7.0 Error: too many connections");
}

#[test]
fn line_without_an_end_takes_no_memory() {
    let backend = Backend::start(&HONEST, b"");
    let proxy = Proxy::start(options(backend.address));
    let mut client = Client::greeted(&proxy);
    let before = memory();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..256 {
        client.send(&piece);
    }
    assert_eq!(client.ask(""), "500 5.5.2 Error: line too long");
    // Other tests run in this process.
    assert!(memory() < before + (128 << 10), "{before} to {} KiB", memory());
}

#[test]
fn client_that_never_pauses_does_not_hold_up_others() {
    let backend = Backend::start(&HONEST, b"");
    let proxy = Proxy::start(options(backend.address));
    let mut flood = Client::greeted(&proxy).stream;
    let is_over = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_over);
    let thread = std::thread::spawn(move || {
        let piece = vec![b'x'; 1 << 20];
        while !flag.load(Ordering::Relaxed) {
            flood.write_all(&piece).unwrap();
        }
    });
    for _ in 0..5 {
        assert_eq!(Client::greeted(&proxy).ask("NOOP"), "250 2.0.0 Ok");
    }
    is_over.store(true, Ordering::Relaxed);
    thread.join().unwrap();
}

/// The memory of this process in KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn flood_of_errors_ends_the_connection() {
    let backend = Backend::start(&HONEST, b"");
    let proxy = Proxy::start(options(backend.address));
    let mut client = Client::greeted(&proxy);
    client.send("WIZ\r\n".repeat(30));
    let replies = String::from_utf8(client.rest()).unwrap();
    assert_eq!(replies.lines().count(), 20);
    assert!(replies.ends_with("421 4.7.0 Error: too many errors\r\n"));
}

#[test]
fn client_that_does_not_read_is_not_read_either() {
    let backend = Backend::start(&HONEST, b"");
    let proxy = Proxy::start(options(backend.address));
    let mut client = Client::greeted(&proxy);
    client.stream.set_write_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
    client.ask("HELO a");
    client.ask("MAIL FROM:<>");
    let recipients = "RCPT TO:<x@b.test>\r\n".repeat(50_000);
    let blocked = (0..100)
        .find_map(|_| std::io::Write::write_all(&mut client.stream, recipients.as_bytes()).err());
    assert!(blocked.is_some(), "100 MB were read although no reply was");
}
