//! Addresses and networks of clients, in one table for IPv4 and IPv6.
//!
//! IPv4 lives in `::/96`, as in the original (BEHAVIOUR F2): `1.2.3.0/24` is
//! `::1.2.3.0/120`. So `::/0` matches every client, IPv4 or IPv6.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::Ipv6Net;

use super::location::Location;

/// The place of all IPv4 addresses.
const IPV4: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 96);

/// A network, with no bits of an address after its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(Ipv6Net);

impl Network {
    /// The network of this length that holds an address; `None` if the length is
    /// above 128.
    fn new(address: Ipv6Addr, length: u8) -> Option<Network> {
        Some(Network(Ipv6Net::new(address, length).ok()?.trunc()))
    }

    /// Returns true if every IPv4 client is in it.
    pub fn holds_all_of_ipv4(self) -> bool {
        self.0.contains(&IPV4)
    }

    /// Returns true if an address is in it.
    pub(super) fn holds(self, address: IpAddr) -> bool {
        self.0.contains(&in_ipv6(address))
    }

    pub fn wider(self) -> impl Iterator<Item = Network> {
        std::iter::successors(self.0.supernet(), Ipv6Net::supernet).map(Network)
    }

    /// Parses a rule that looks like an address or a network; `None` for others.
    /// The error contains the fix.
    pub fn parse(rule: &[u8]) -> Option<Result<Network, String>> {
        let is_ipv6 = || rule.iter().filter(|&&byte| byte == b':').count() >= 2;
        dotted(rule).or_else(|| is_ipv6().then(|| ipv6_network(rule)))
    }
}

/// Parses `d.d`, `d.d.d`, `d.d.d.d` or `d.d.d.d/n`: up to three digits for each `d`, two
/// for `n`. For the original, anything else is a host name.
fn dotted(rule: &[u8]) -> Option<Result<Network, String>> {
    let mut parts = rule.splitn(2, |&byte| byte == b'/');
    let numbers: Vec<&[u8]> = parts.next()?.split(|&byte| byte == b'.').collect();
    let length = parts.next();
    let fits = match length {
        None => (2..=4).contains(&numbers.len()),
        Some(length) => numbers.len() == 4 && has_digits(length, 2),
    };
    let is_dotted = fits && numbers.iter().all(|number| has_digits(number, 3));
    is_dotted.then(|| ipv4_network(rule, &numbers, length))
}

fn ipv4_network(rule: &[u8], numbers: &[&[u8]], length: Option<&[u8]>) -> Result<Network, String> {
    let rule = rule.escape_ascii();
    if numbers.iter().any(|number| number.len() > 1 && number[0] == b'0') {
        let plain: Vec<String> = numbers.iter().map(|it| value(it).to_string()).collect();
        let length = length.map(|digits| format!("/{}", value(digits))).unwrap_or_default();
        // Octal for the original, decimal for other programs.
        return Err(format!(
            "{rule} has leading zeros, which some programs take for octal; write {}{length}",
            plain.join(".")
        ));
    }
    let mut octets = [0; 4];
    for (octet, digits) in octets.iter_mut().zip(numbers) {
        *octet = u8::try_from(value(digits))
            .map_err(|_| format!("{rule} is not an IPv4 address: its numbers are 0 to 255"))?;
    }
    let length = match length {
        Some(digits) => value(digits),
        None if numbers.len() == 4 => 32,
        // Also for two numbers, where the original's manual promises a /16.
        None => 24,
    };
    let length = u8::try_from(length).ok().filter(|length| *length <= 32);
    length
        .and_then(|length| Network::new(in_ipv6(octets.into()), IPV4.prefix_len() + length))
        .ok_or_else(|| format!("{rule} is not an IPv4 network: its length is 0 to 32"))
}

/// Returns true if these are one to `most` digits.
fn has_digits(text: &[u8], most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.iter().all(u8::is_ascii_digit)
}

/// The value of a few decimal digits.
fn value(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
}

/// Parses an IPv6 address or network, which may be in brackets as a whole.
fn ipv6_network(rule: &[u8]) -> Result<Network, String> {
    let shown = rule.escape_ascii();
    let inner = rule.strip_prefix(b"[").and_then(|rule| rule.strip_suffix(b"]")).unwrap_or(rule);
    let mut parts = inner.splitn(2, |&byte| byte == b'/');
    let address = parts.next().and_then(|address| std::str::from_utf8(address).ok());
    let address: Option<Ipv6Addr> = address.and_then(|address| address.parse().ok());
    let length = match parts.next() {
        None => Some(128),
        Some(digits) if has_digits(digits, 3) => u8::try_from(value(digits)).ok(),
        Some(_) => None,
    };
    let address = address.ok_or_else(|| {
        format!(
            "{shown} is not an IPv6 address; write it like 2001:db8::1 or 2001:db8::/32, and nothing \
             after it"
        )
    })?;
    length
        .and_then(|length| Network::new(address, length))
        .ok_or_else(|| format!("{shown} is not an IPv6 network: its length is 0 to 128"))
}

/// An address where the table has it.
fn in_ipv6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => Ipv6Addr::from(u128::from(u32::from(address))),
        IpAddr::V6(address) => address,
    }
}

/// Networks, each with its rule. A lookup asks once for each length of prefix that
/// occurs.
#[derive(Debug, Default)]
pub(super) struct Networks {
    rules: HashMap<Network, Location>,
    lengths: Vec<u8>,
}

impl Networks {
    /// Adds a network; of equal ones the first stays.
    pub(super) fn insert(&mut self, network: Network, location: Location) {
        self.rules.entry(network).or_insert(location);
        let length = network.0.prefix_len();
        if !self.lengths.contains(&length) {
            self.lengths.push(length);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rules.len()
    }

    /// The rule of a network that holds the address.
    pub(super) fn find(&self, address: IpAddr) -> Option<&Location> {
        let address = in_ipv6(address);
        self.lengths.iter().find_map(|&length| self.rules.get(&Network::new(address, length)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Text;
    use super::super::diagnostics::Diagnostics;
    use super::*;

    #[test]
    fn a_lookup_asks_once_for_each_length_of_prefix_however_many_rules_there_are() {
        let lengths = [24, 29, 32];
        let text = Text { file: "list".into(), bytes: b"x\n".repeat(100_000) };
        let mut networks = Networks::default();
        for (location, _) in text.rules(&mut Diagnostics::default()) {
            let number = location.line();
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + number * 256);
            let rule = format!("{address}/{}", lengths[number as usize % 3]);
            let network = Network::parse(rule.as_bytes()).unwrap().unwrap();
            networks.insert(network, location);
        }
        assert_eq!(networks.len(), 100_000);
        assert_eq!(networks.lengths.len(), lengths.len());
        let found = |address: &str| networks.find(address.parse().unwrap()).map(Location::line);
        assert_eq!(found("10.1.134.159"), Some(390));
        assert_eq!((found("10.1.135.7"), found("10.1.135.8")), (Some(391), None));
        assert_eq!((found("10.1.136.0"), found("10.1.136.1")), (Some(392), None));
    }
}
