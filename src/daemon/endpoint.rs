//! Where a server listens: parses `--inet` and finds its addresses (BEHAVIOUR B2).

use super::Failure;
use dns_lookup::{AddrInfoHints, SockType, getaddrinfo};
use nix::errno::Errno;
use socket2::SockAddr;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// A place at which another server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Unix(PathBuf),
    Inet(Endpoint),
}

impl Place {
    /// Finds the addresses. This may ask the resolver, and block.
    pub fn addresses(&self) -> Result<Vec<SockAddr>, Failure> {
        match self {
            Place::Unix(path) => SockAddr::unix(path)
                .map(|address| vec![address])
                .map_err(|error| Failure::new(format!("cannot connect to {self}: {error}"))),
            Place::Inet(endpoint) => {
                Ok(endpoint.resolve()?.addresses.into_iter().map(SockAddr::from).collect())
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Unix(path) => path.display().fmt(f),
            Place::Inet(endpoint) => endpoint.fmt(f),
        }
    }
}

/// A host and a port as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A name, an address, or `*` for all addresses.
    host: String,
    /// A number or the name of a service.
    port: String,
}

/// Addresses to listen on, and the log lines about finding them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    pub addresses: Vec<SocketAddr>,
    pub lines: Vec<String>,
}

impl Endpoint {
    /// Parses the forms of Net::Server: a number alone means `localhost`, a
    /// service name alone all addresses; otherwise a host, with or without
    /// brackets, and the port after a colon, bar, comma or blank.
    pub fn parse(text: &str) -> Result<Endpoint, Failure> {
        if is_number(text) {
            return Endpoint::new("localhost", text);
        }
        let text = text.strip_suffix("/tcp").unwrap_or(text);
        if let Some((host, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            if let Some(port) = rest.strip_prefix(SEPARATORS) {
                return Endpoint::new(host, port);
            }
        } else if let Some((host, port)) = text.rsplit_once(SEPARATORS) {
            // The rest of `::1` is not a host: the port is missing.
            if host != ":" {
                let host = if host == "::" { "*" } else { host };
                return Endpoint::new(host, port);
            }
        } else {
            return Endpoint::new("*", text);
        }
        Err(no_port("*", text))
    }

    fn new(host: &str, port: &str) -> Result<Endpoint, Failure> {
        let host = if host.is_empty() { "*" } else { host };
        let is_port = is_number(port) && port.parse::<u16>().is_ok();
        // Only a word: to the resolver a number is a service as well.
        let is_word = port.starts_with(|first: char| first.is_ascii_alphabetic());
        if !is_port && (!is_word || service_port(port).is_none()) {
            return Err(no_port(host, port));
        }
        Ok(Endpoint { host: host.to_string(), port: port.to_string() })
    }

    /// Returns true if both listen on the same port of the same address, as far
    /// as is known without a resolver. Port 0 is a free one.
    pub fn meets(&self, other: &Endpoint) -> bool {
        let is_alias = |one: &str, two: &str| {
            one == "*" || one == "localhost" && matches!(two, "127.0.0.1" | "::1")
        };
        let (one, two) = (self.host.to_lowercase(), other.host.to_lowercase());
        let is_same_host = one == two || is_alias(&one, &two) || is_alias(&two, &one);
        is_same_host && self.number() == other.number() && self.number() != 0
    }

    fn number(&self) -> u16 {
        self.port.parse().ok().or_else(|| service_port(&self.port)).unwrap_or(0)
    }

    /// Finds the addresses. This may ask the resolver, and block.
    pub fn resolve(&self) -> Result<Resolution, Failure> {
        let Endpoint { host, port } = self;
        let number = self.number();
        if host == "*" {
            return Ok(every_address(port, number));
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            let address = SocketAddr::new(address, number);
            let lines = if is_number(port) { vec![] } else { vec![resolved(host, port, address)] };
            return Ok(Resolution { addresses: vec![address], lines });
        }
        let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
        let found = getaddrinfo(Some(host), None, Some(hints)).map_err(|error| {
            let error = std::io::Error::from(error);
            let why = error.to_string();
            let why = why.strip_prefix("failed to lookup address information: ").unwrap_or(&why);
            Failure::system(format!("Unresolveable [{host}]:{port}: {why}"), Errno::EAGAIN)
        })?;
        let mut resolution = Resolution::default();
        for mut address in found.filter_map(Result::ok).map(|info| info.sockaddr) {
            address.set_port(number);
            if !resolution.addresses.contains(&address) {
                resolution.lines.push(resolved(host, port, address));
                resolution.addresses.push(address);
            }
        }
        Ok(resolution)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Endpoint { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

const SEPARATORS: [char; 4] = [':', '|', ',', ' '];

/// All addresses: one IPv6 socket accepts IPv4 as well, if the system has IPv6.
fn every_address(port: &str, number: u16) -> Resolution {
    let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, number));
    let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, number));
    let has_ipv6 = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None).is_ok();
    if !has_ipv6 {
        return Resolution { addresses: vec![v4], lines: vec![resolved("*", port, v4)] };
    }
    let skipped =
        "Not including resolved host [0.0.0.0] IPv4 because it will be handled by [::] IPv6";
    Resolution { addresses: vec![v6], lines: vec![resolved("*", port, v6), skipped.to_string()] }
}

fn resolved(host: &str, port: &str, address: SocketAddr) -> String {
    let (ip, number) = (address.ip(), address.port());
    format!("Resolved [{host}]:{port} to [{ip}]:{number}, {}", family(address))
}

pub fn family(address: SocketAddr) -> &'static str {
    if address.is_ipv6() { "IPv6" } else { "IPv4" }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The port of a TCP service known to the system.
fn service_port(name: &str) -> Option<u16> {
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let mut found = getaddrinfo(None, Some(name), Some(hints)).ok()?;
    found.find_map(Result::ok).map(|info| info.sockaddr.port())
}

fn no_port(host: &str, port: &str) -> Failure {
    Failure::new(format!("Could not determine port number from host [{host}]:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(String, String), String> {
        match Endpoint::parse(text) {
            Ok(endpoint) => Ok((endpoint.host, endpoint.port)),
            Err(failure) => Err(failure.to_string()),
        }
    }

    #[test]
    fn all_forms_of_the_original_are_understood() {
        let table = [
            ("20101", "localhost", "20101"),
            ("localhost:20101", "localhost", "20101"),
            ("127.0.0.1:20101", "127.0.0.1", "20101"),
            ("[::1]:20101", "::1", "20101"),
            ("::1:20101", "::1", "20101"),
            ("*:20101", "*", "20101"),
            ("[*]:20101", "*", "20101"),
            (":20101", "*", "20101"),
            (":::20101", "*", "20101"),
            ("[::]:20101", "::", "20101"),
            ("0.0.0.0:20101", "0.0.0.0", "20101"),
            ("[127.0.0.1]:20101", "127.0.0.1", "20101"),
            ("127.1:20101", "127.1", "20101"),
            ("127.0.0.1|20101", "127.0.0.1", "20101"),
            ("localhost 20101", "localhost", "20101"),
            ("::ffff:127.0.0.1:20101", "::ffff:127.0.0.1", "20101"),
            ("127.0.0.1:02013", "127.0.0.1", "02013"),
            ("20101/tcp", "*", "20101"),
            ("0", "localhost", "0"),
        ];
        for (text, host, port) in table {
            assert_eq!(parsed(text), Ok((host.to_string(), port.to_string())), "{text}");
        }
    }

    #[test]
    fn a_missing_or_impossible_port_is_named() {
        let table = [
            ("127.0.0.1", "[*]:127.0.0.1"),
            ("localhost", "[*]:localhost"),
            ("-5", "[*]:-5"),
            ("+20101", "[*]:+20101"),
            ("localhost:10023x", "[localhost]:10023x"),
            ("127.0.0.1:99999", "[127.0.0.1]:99999"),
            ("::1", "[*]:::1"),
            ("[::1]", "[*]:[::1]"),
            ("20101/udp", "[*]:20101/udp"),
        ];
        for (text, shown) in table {
            let message = format!("Could not determine port number from host {shown}");
            assert_eq!(parsed(text), Err(message), "{text}");
        }
    }

    #[test]
    fn an_address_needs_no_resolver() {
        let resolution = Endpoint::parse("[::1]:20101").unwrap().resolve().unwrap();
        assert_eq!(resolution.addresses, ["[::1]:20101".parse().unwrap()]);
        assert_eq!(resolution.lines, [""; 0]);
        let resolution = Endpoint::parse("127.0.0.1:02013").unwrap().resolve().unwrap();
        assert_eq!(resolution.addresses, ["127.0.0.1:2013".parse().unwrap()]);
    }
}
