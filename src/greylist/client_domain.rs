//! Clients of one registered domain count as one client, whatever their networks.
//!
//! Large providers retry from another network each time, so that a triplet keyed
//! by network never matches. Their machines share the registered domain of their
//! names: a public suffix (publicsuffix.org) such as `com` or `co.uk`, and one
//! more label.

use super::Policy;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest name of a host in octets (RFC 1035 section 2.3.4, without the root).
const MAX_NAME_LENGTH: usize = 253;

/// A client's address, and its name if one is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client<'n> {
    pub address: IpAddr,
    /// The name that the mail server has verified: looked up from the address,
    /// and leading back to it. `unknown` or empty without one.
    pub name: &'n [u8],
}

impl From<IpAddr> for Client<'_> {
    /// A client of which no name is known.
    fn from(address: IpAddr) -> Self {
        Client { address, name: b"" }
    }
}

impl Client<'_> {
    /// The domain that stands for it in triplets, if the policy looks clients
    /// up by domain and it has one.
    pub fn domain_in_triplets(self, policy: &Policy) -> Option<Vec<u8>> {
        policy.by_domain.triplets.then(|| self.domain()).flatten()
    }

    /// Returns the registered domain of its name, in lower case. `None` without a
    /// name, if the name belongs to no registered domain, and if it carries the
    /// address: providers name customers' lines like that, which have nothing
    /// else in common.
    pub fn domain(self) -> Option<Vec<u8>> {
        let domain = registered_domain(self.name)?;
        let name = without_root(self.name);
        let host = name[..name.len() - domain.len()].to_ascii_lowercase();
        (!carries(&host, self.address)).then_some(domain)
    }
}

/// Returns the registered domain of a name, in lower case: `example.co.uk` for
/// `mail.example.co.uk`. `None` for invalid names and for public suffixes.
pub fn registered_domain(name: &[u8]) -> Option<Vec<u8>> {
    let name = without_root(name).to_ascii_lowercase();
    if !is_host_name(&name) {
        return None;
    }
    Some(psl::domain(&name)?.as_bytes().to_vec())
}

/// Returns the registered domain of a sender's address; empty for a bounce,
/// `None` if there is none. Forwarders that rewrite senders (SRS) and lists that
/// number them (VERP) keep one domain.
pub fn sender_domain(sender: &[u8]) -> Option<Vec<u8>> {
    if sender.is_empty() {
        return Some(Vec::new());
    }
    registered_domain(&sender[memchr::memrchr(b'@', sender)? + 1..])
}

fn without_root(name: &[u8]) -> &[u8] {
    name.strip_suffix(b".").unwrap_or(name)
}

/// Returns true if a name may stand in a key: letters, digits, `-` and `_` between
/// single dots, and nothing that could be an address.
fn is_host_name(name: &[u8]) -> bool {
    let is_label = |label: &[u8]| {
        let is_right = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.iter().all(is_right)
    };
    let mut labels = name.rsplit(|byte| *byte == b'.');
    let has_letters = |label: &[u8]| !label.iter().all(u8::is_ascii_digit);
    name.len() <= MAX_NAME_LENGTH
        && labels.clone().all(is_label)
        && labels.next().is_some_and(has_letters)
}

/// Returns true if the labels of a host carry its address.
fn carries(host: &[u8], address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => carries_v4(host, address),
        IpAddr::V6(address) => carries_v6(host, address),
    }
}

/// Returns true if a name has all four octets next to each other in any order, or
/// the last three forwards or backwards, with any separators; or all in
/// hexadecimal. Two octets do not count: pools number their machines by them, as
/// in `a8-37.smtp-out.amazonses.com`.
fn carries_v4(host: &[u8], address: Ipv4Addr) -> bool {
    let numbers: Vec<u32> =
        digits(host, u8::is_ascii_digit).filter_map(|run| number(run, 10)).collect();
    let octets = address.octets().map(u32::from);
    let sorted = |numbers: &[u32]| {
        let mut numbers = numbers.to_vec();
        numbers.sort_unstable();
        numbers
    };
    let [_, second, third, fourth] = octets;
    let all = sorted(&octets);
    let decimal = numbers.windows(4).any(|window| sorted(window) == all)
        || numbers
            .windows(3)
            .any(|window| window == [second, third, fourth] || window == [fourth, third, second]);
    let padded = address.octets().map(|octet| format!("{octet:03}")).concat();
    let reversed = Ipv4Addr::from(u32::from_le_bytes(address.octets()));
    let hexadecimal = [address, reversed].map(|address| format!("{:08x}", address.to_bits()));
    let plain = without_separators(host);
    decimal || hexadecimal.iter().chain([&padded]).any(|text| contains(&plain, text))
}

/// All digits, forwards or backwards, or the groups that are not zero, of the
/// whole address or its second half.
fn carries_v6(host: &[u8], address: Ipv6Addr) -> bool {
    let plain = without_separators(host);
    let forwards = format!("{:032x}", address.to_bits());
    let backwards: String = forwards.chars().rev().collect();
    if [&forwards, &backwards].into_iter().any(|text| contains(&plain, text)) {
        return true;
    }
    let numbers: Vec<u32> = digits(host, u8::is_ascii_hexdigit)
        .filter_map(|run| number(run, 16))
        .filter(|number| *number != 0)
        .collect();
    let segments = address.segments().map(u32::from);
    [&segments[..], &segments[4..]].into_iter().any(|groups| {
        let groups: Vec<u32> = groups.iter().copied().filter(|group| *group != 0).collect();
        groups.len() >= 3 && numbers.windows(groups.len()).any(|window| window == groups)
    })
}

/// The runs of digits in a text.
fn digits(text: &[u8], is_digit: fn(&u8) -> bool) -> impl Iterator<Item = &[u8]> {
    text.split(move |byte| !is_digit(byte)).filter(|run| !run.is_empty())
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

fn without_separators(host: &[u8]) -> Vec<u8> {
    host.iter().copied().filter(u8::is_ascii_alphanumeric).collect()
}

fn contains(text: &[u8], part: &str) -> bool {
    memchr::memmem::find(text, part.as_bytes()).is_some()
}

#[cfg(test)]
#[path = "client_domain_tests.rs"]
mod tests;
