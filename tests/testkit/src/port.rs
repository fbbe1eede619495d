//! TCP ports for the servers of a test.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// The first port that tests use. The 10,000 from here on lie below the
/// kernel's own choices for outgoing connections, which a test under load makes
/// by the hundred.
const FIRST: u16 = 20_000;

/// Returns an unused port of 127.0.0.1, another one for each call.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test programs that run at the same time begin at different places.
    let start = u16::try_from(std::process::id() * 37 % 10_000).expect("below 10,000");
    (0..10_000)
        .map(|_| FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed) % 10_000) % 10_000)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a free TCP port between 20000 and 29999")
}
