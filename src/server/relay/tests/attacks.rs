//! Clients that mean harm.

use super::backend::{Backend, HONEST};
use super::harness::{self, CLIENT, Client, LONG, Proxy, options};
use std::time::Instant;

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
    for _ in 0..1024 {
        client.send(&piece);
    }
    assert_eq!(client.ask(""), "500 5.5.2 Error: line too long");
    // Other tests run in this process.
    assert!(memory() < before + (128 << 10), "{before} to {} KiB", memory());
}

#[test]
fn client_that_never_pauses_does_not_hold_up_others() {
    const READ: usize = 16;
    const READS: usize = 6400;
    let backend = Backend::start(&HONEST, b"");
    let (mut relay, address) = harness::relay(options(backend.address));
    relay.shared.buffer.truncate(READ);
    let mut clients = [0, 1].map(|_| Client::connect_to(address, CLIENT));
    let mut replies = [0, 1].map(|_| String::new());
    let deadline = Instant::now() + LONG;
    let mut turn = |clients: &mut [Client; 2], replies: &mut [String; 2]| {
        assert!(Instant::now() < deadline, "{replies:?}");
        harness::turn(&mut relay);
        for (client, replies) in clients.iter_mut().zip(replies) {
            replies.push_str(&client.arrived());
        }
    };
    while replies.iter().any(String::is_empty) {
        turn(&mut clients, &mut replies);
    }
    replies.iter_mut().for_each(String::clear);
    clients[0].send("NOOP\r\n");
    clients[1].send("x".repeat(READ * READS) + "\r\n");
    let mut turns = 0;
    while replies[1].is_empty() {
        turn(&mut clients, &mut replies);
        turns += 1;
    }
    assert!(turns >= READS / 100, "{READS} reads in {turns} turns");
    assert_eq!(replies, ["250 2.0.0 Ok\r\n", "500 5.5.2 Error: line too long\r\n"]);
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
