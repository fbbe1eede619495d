//! Clients that are silent, or slow.

use super::backend::{Backend, HONEST, Step};
use super::harness::{self, CLIENT, Client, LONG, options};
use crate::server::relay::Relay;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A relay that is driven turn by turn, and one client.
struct Site {
    relay: Relay,
    client: Client,
    lines: Vec<String>,
    _backend: Backend,
}

impl Site {
    fn new() -> Site {
        let backend = Backend::start(&[&HONEST[..], &[Step::Stall]].concat(), b"");
        let (relay, address) = harness::relay(options(backend.address));
        let client = Client::connect_to(address, CLIENT);
        let mut site = Site { relay, client, lines: Vec::new(), _backend: backend };
        site.expect("220 proxy.test ESMTP\r\n");
        site
    }

    fn turn(&mut self) {
        self.lines.extend(harness::turn(&mut self.relay));
    }

    /// Runs the relay until this has arrived.
    fn expect(&mut self, expected: &str) {
        let (deadline, mut seen) = (Instant::now() + LONG, String::new());
        while !seen.ends_with(expected) {
            assert!(Instant::now() < deadline, "{seen:?} does not end with {expected:?}");
            self.turn();
            seen += &self.client.arrived();
        }
    }

    fn expect_end(&mut self) {
        let deadline = Instant::now() + LONG;
        while self.relay.clients() > 0 {
            assert!(Instant::now() < deadline);
            self.turn();
        }
    }
}

#[test]
fn client_has_five_minutes_for_a_command() {
    let before = Instant::now();
    let mut site = Site::new();
    // A part of a command is not one.
    site.client.send("NO");
    site.turn();
    site.relay.expire(before + 5 * MINUTE - SECOND);
    site.turn();
    assert_eq!(site.client.arrived(), "");
    site.relay.expire(Instant::now() + 5 * MINUTE);
    site.expect("421 4.4.2 Error: timeout exceeded\r\n");
    // It may not close its end.
    site.relay.expire(Instant::now() + 10 * SECOND);
    assert_eq!(site.relay.clients(), 0);
}

#[test]
fn relayed_connection_may_be_silent_for_twenty_minutes() {
    let mut site = Site::new();
    site.client.send("HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<pass@b.test>\r\n");
    site.expect("250 2.1.5 Recipient ok\r\n");
    let before = Instant::now();
    site.relay.expire(before + 20 * MINUTE - SECOND);
    assert_eq!(site.relay.clients(), 1);
    site.relay.expire(Instant::now() + 20 * MINUTE);
    site.expect_end();
    site.turn();
    let is_end = |line: &String| line.starts_with("relayed: client_name=unknown, ");
    assert!(site.lines.iter().any(is_end), "{:?}", site.lines);
}
