//! The header with the client's address for a mail server (PROXY protocol,
//! versions 1 and 2, by HAProxy's authors).

use std::net::{IpAddr, SocketAddr};

/// The start of a header of version 2.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Version 2, and that the connection is a client's.
const VERSION_2_PROXY: u8 = 0x21;

/// TCP over IPv4 and IPv6.
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyVersion {
    One,
    /// The binary form.
    Two,
}

/// Builds the header for a connection from `client` to `server`.
pub fn proxy_header(version: ProxyVersion, client: SocketAddr, server: SocketAddr) -> Vec<u8> {
    let (from, to) = same_family(client.ip(), server.ip());
    match version {
        ProxyVersion::One => {
            let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
            format!("PROXY {family} {from} {to} {} {}\r\n", client.port(), server.port()).into()
        }
        ProxyVersion::Two => {
            let family = if from.is_ipv4() { TCP4 } else { TCP6 };
            let addresses = [octets(from), octets(to)].concat();
            let ports = [client.port().to_be_bytes(), server.port().to_be_bytes()].concat();
            // 12 or 36 bytes.
            let length = (addresses.len() + ports.len()) as u16;
            let head = [VERSION_2_PROXY, family];
            [SIGNATURE, &head, &length.to_be_bytes(), &addresses, &ports].concat()
        }
    }
}

/// Both addresses in one family; IPv4 where both allow it.
fn same_family(client: IpAddr, server: IpAddr) -> (IpAddr, IpAddr) {
    let mapped = |address| match address {
        IpAddr::V4(address) => IpAddr::V6(address.to_ipv6_mapped()),
        IpAddr::V6(_) => address,
    };
    match (client.to_canonical(), server.to_canonical()) {
        (client, server) if client.is_ipv4() == server.is_ipv4() => (client, server),
        (client, server) => (mapped(client), mapped(server)),
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version: ProxyVersion, client: &str, server: &str) -> String {
        let header = proxy_header(version, client.parse().unwrap(), server.parse().unwrap());
        header.escape_ascii().to_string()
    }

    #[test]
    fn version_1_is_a_line() {
        for (client, server, line) in [
            ("192.0.2.1:1025", "198.51.100.2:25", r"TCP4 192.0.2.1 198.51.100.2 1025 25\r\n"),
            ("[2001:db8::1]:1025", "[::1]:25", r"TCP6 2001:db8::1 ::1 1025 25\r\n"),
            (
                "[::ffff:192.0.2.1]:1025",
                "[::ffff:192.0.2.2]:25",
                r"TCP4 192.0.2.1 192.0.2.2 1025 25\r\n",
            ),
            ("192.0.2.1:1025", "[::1]:25", r"TCP6 ::ffff:192.0.2.1 ::1 1025 25\r\n"),
        ] {
            assert_eq!(header(ProxyVersion::One, client, server), format!("PROXY {line}"));
        }
    }

    #[test]
    fn version_2_is_bytes() {
        let signature = r"\r\n\r\n\x00\r\nQUIT\n";
        assert_eq!(
            header(ProxyVersion::Two, "1.2.3.4:1025", "5.6.7.8:25"),
            format!(r"{signature}!\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x04\x01\x00\x19")
        );
        let zeros = r"\x00".repeat(15);
        assert_eq!(
            header(ProxyVersion::Two, "[::1]:1025", "[::2]:25"),
            format!(r"{signature}!!\x00${zeros}\x01{zeros}\x02\x04\x01\x00\x19")
        );
    }
}
