//! `postgrey opensmtpd-filter`: a filter that smtpd starts, and that asks the
//! running daemon by the policy protocol.
//!
//! The session in `session::opensmtpd` decides what to ask and what to reply;
//! here are its ends: standard input and output, which lead to smtpd, and a few
//! connections to the daemon. No read, write or connect waits.

mod availability;
mod connection;
mod event_loop;
mod pool;
mod smtpd;

use crate::cli::OpensmtpdFilter;
use crate::daemon::Failure;
use socket2::SockAddr;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

pub fn run(options: &OpensmtpdFilter) -> Result<(), Failure> {
    let addresses = options.daemon.addresses()?.into_iter().map(reachable).collect();
    event_loop::run(addresses, options.daemon.to_string(), options.adds_header)
}

/// Returns an address to connect to. A daemon that listens on all addresses is
/// reached on the loopback address.
fn reachable(address: SockAddr) -> SockAddr {
    match address.as_socket() {
        Some(SocketAddr::V4(it)) if it.ip().is_unspecified() => {
            SocketAddr::from((Ipv4Addr::LOCALHOST, it.port())).into()
        }
        Some(SocketAddr::V6(it)) if it.ip().is_unspecified() => {
            SocketAddr::from((Ipv6Addr::LOCALHOST, it.port())).into()
        }
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::stream::shown;

    #[test]
    fn all_addresses_are_reached_on_the_loopback_address() {
        for (address, expected) in
            [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("192.0.2.1:1", "192.0.2.1:1")]
        {
            let address: SocketAddr = address.parse().expect("an address");
            assert_eq!(shown(&reachable(address.into())), expected);
        }
    }
}
