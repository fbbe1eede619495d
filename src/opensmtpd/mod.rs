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

use crate::cli::{DaemonAddress, OpensmtpdFilter};
use crate::daemon::Failure;
use socket2::SockAddr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub fn run(options: &OpensmtpdFilter) -> Result<(), Failure> {
    let (addresses, name) = (addresses(&options.daemon)?, options.daemon.to_string());
    event_loop::run(addresses, name, options.adds_header)
}

fn addresses(daemon: &DaemonAddress) -> Result<Vec<SockAddr>, Failure> {
    match daemon {
        DaemonAddress::Unix(path) => {
            let address = SockAddr::unix(path).map_err(|error| {
                Failure::new(format!("cannot connect to {}: {error}", path.display()))
            })?;
            Ok(vec![address])
        }
        DaemonAddress::Inet(endpoint) => {
            let found = endpoint.resolve()?.addresses;
            Ok(found.into_iter().map(|address| reachable(address).into()).collect())
        }
    }
}

/// Returns an address to connect to. A daemon that listens on all addresses is
/// reached on the loopback address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_reached_on_the_loopback_address() {
        for (address, expected) in
            [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("192.0.2.1:1", "192.0.2.1:1")]
        {
            let address = address.parse().expect("an address");
            assert_eq!(reachable(address).to_string(), expected);
        }
    }
}
