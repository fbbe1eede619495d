//! Mistakes in addresses and networks of clients.

use super::super::finding::{Finding, Fix};
use super::Lint;
use crate::lists::Network;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) const LINTS: &[Lint] = &[
    brackets,
    port,
    range,
    netmask,
    everybody,
    short_network,
    wildcard,
    cut_address,
    cut_ipv6,
    two_numbers,
    mapped_address,
    host_bits,
];

/// Returns the address of a rule that is one, or a network.
pub(super) fn of_host(rule: &str) -> Option<IpAddr> {
    rule.split('/').next()?.parse().ok()
}

/// Splits up to four decimal numbers with dots between them.
fn numbers(text: &str) -> Option<Vec<&str>> {
    let numbers: Vec<&str> = text.split('.').collect();
    let fits = |number: &&str| {
        (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    (numbers.len() <= 4 && numbers.iter().all(fits)).then_some(numbers)
}

/// Returns the network that starts with these numbers.
fn network_of(numbers: &[&str], length: u8) -> Option<String> {
    let mut octets = [0_u8; 4];
    for (octet, number) in octets.iter_mut().zip(numbers) {
        *octet = number.parse().ok()?;
    }
    masked(octets.into(), length).map(|first| format!("{first}/{length}"))
}

/// Returns the first address of the network of an address.
fn masked(address: IpAddr, length: u8) -> Option<IpAddr> {
    Some(IpNet::new(address, length).ok()?.network())
}

fn brackets(rule: &str) -> Option<Finding> {
    let (address, length) = rule.strip_prefix('[')?.split_once(']')?;
    let address: IpAddr = address.parse().ok()?;
    // The daemon accepts an IPv6 address in brackets.
    let problem = "has brackets";
    (address.is_ipv4() || !length.is_empty())
        .then(|| Finding::error("brackets", problem, Fix::write(format!("{address}{length}"))))
}

fn port(rule: &str) -> Option<Finding> {
    let (address, port) = rule.split_once(':')?;
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    (is_port && address.contains('.'))
        .then(|| Finding::error("port", "has a port, which no client has", Fix::write(address)))
}

fn range(rule: &str) -> Option<Finding> {
    let (first, last) = rule.split_once('-')?;
    first.parse::<Ipv4Addr>().ok()?;
    let is_last = last.parse::<Ipv4Addr>().is_ok() || last.parse::<u8>().is_ok();
    let fix = "write its networks, one a line, like 192.0.2.0/24";
    is_last.then(|| Finding::error("range", "is treated as a name: there are no ranges", fix))
}

/// `10.0.0.0/255.0.0.0`.
pub(super) fn netmask(rule: &str) -> Option<Finding> {
    let (address, mask) = rule.split_once('/')?;
    let mask = u32::from(mask.parse::<Ipv4Addr>().ok()?);
    // A wildcard mask of Cisco's, 0.0.0.255, has its ones at the end.
    let mask = if mask.leading_zeros() > 0 { !mask } else { mask };
    let length = u8::try_from(mask.leading_ones()).ok()?;
    let network = network_of(&numbers(address)?, length)?;
    let fix = match mask.leading_ones() + mask.trailing_zeros() {
        32.. => Fix::write(network),
        _ => Fix::advise("write the network with the length of its prefix, like 192.0.2.0/24"),
    };
    Some(Finding::error("netmask", "has a netmask: a network has the length of its prefix", fix))
}

fn everybody(rule: &str) -> Option<Finding> {
    let network = Network::parse(rule.as_bytes())?.ok()?;
    let fix = "delete it";
    network.holds_all_of_ipv4().then(|| Finding::error("everybody", "matches every client", fix))
}

/// `10/8`, `1.2/16`, `1.2.3/24`.
fn short_network(rule: &str) -> Option<Finding> {
    let (address, length) = rule.split_once('/')?;
    let numbers = numbers(address).filter(|numbers| numbers.len() < 4)?;
    let network = network_of(&numbers, length.parse().ok()?)?;
    let problem = "is treated as a name: a network has four numbers";
    Some(Finding::error("short-network", problem, Fix::write(network)))
}

/// `1.2.3.*`, `10.*.*.*`, `1.2.3.x`.
fn wildcard(rule: &str) -> Option<Finding> {
    let parts: Vec<&str> = rule.split('.').collect();
    let is_number = |part: &&&str| part.parse::<u8>().is_ok();
    let known = parts.iter().take_while(is_number).count();
    let (numbers, rest) = parts.split_at(known);
    let is_wild = |part: &&str| matches!(*part, "*" | "x" | "X" | "%" | "xxx" | "?");
    if known == 0 || rest.is_empty() || !rest.iter().all(is_wild) {
        return None;
    }
    let network = network_of(numbers, 8 * u8::try_from(known).ok()?)?;
    let problem = "is treated as a name: addresses have no wildcards";
    Some(Finding::error("wildcard", problem, Fix::write(network)))
}

/// `10`, `10.`, `192.168.`, `1.2.3.`.
fn cut_address(rule: &str) -> Option<Finding> {
    let text = rule.strip_suffix('.');
    let numbers = numbers(text.unwrap_or(rule))?;
    let is_cut = text.is_some() || numbers.len() == 1;
    let network = network_of(&numbers, 8 * u8::try_from(numbers.len()).ok()?)?;
    let line = network.strip_suffix("/32").unwrap_or(&network);
    let problem = "is treated as a name, which no client has";
    is_cut.then(|| Finding::error("cut-address", problem, Fix::write(line)))
}

/// `2001:db8`, `2001:db8:`, `2001:db8/32`.
fn cut_ipv6(rule: &str) -> Option<Finding> {
    let (address, length) = rule.split_once('/').unzip();
    let groups: Vec<&str> = address.unwrap_or(rule).trim_end_matches(':').split(':').collect();
    let is_group = |group: &&str| {
        (1..=4).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if !(2..8).contains(&groups.len()) || rule.contains("::") || !groups.iter().all(is_group) {
        return None;
    }
    let length = match length {
        Some(length) => length.parse().ok().filter(|length| *length <= 128)?,
        None => 16 * groups.len(),
    };
    let fix = Fix::write(format!("{}::/{length}", groups.join(":")));
    Some(Finding::error("cut-ipv6", "is not an IPv6 address: the rest of it is missing", fix))
}

fn two_numbers(rule: &str) -> Option<Finding> {
    let numbers = numbers(rule).filter(|numbers| numbers.len() == 2)?;
    let (narrow, wide) = (network_of(&numbers, 24)?, network_of(&numbers, 16)?);
    let problem = format!("is {narrow}, not the /16 that the manual of postgrey 1 promises");
    Some(Finding::warning("two-numbers", problem, format!("write {wide} or {narrow}")))
}

fn mapped_address(rule: &str) -> Option<Finding> {
    let (address, length) = rule.split_once('/').unzip();
    let mapped: Ipv6Addr = address.unwrap_or(rule).parse().ok()?;
    let plain = mapped.to_ipv4_mapped()?;
    let length: Option<u8> = length.and_then(|length| length.parse().ok());
    let line = match length.filter(|length| *length >= 96) {
        Some(length) => format!("{plain}/{}", length - 96),
        None => plain.to_string(),
    };
    let problem = "matches no client: IPv4 clients have IPv4 addresses";
    Some(Finding::error("mapped-address", problem, Fix::write(line)))
}

fn host_bits(rule: &str) -> Option<Finding> {
    let (address, length) = rule.split_once('/')?;
    let (address, length): (IpAddr, u8) = (address.parse().ok()?, length.parse().ok()?);
    let first = masked(address, length).filter(|first| *first != address)?;
    let problem = format!("is the network {first}/{length}, not only {address}");
    Some(Finding::warning("host-bits", problem, format!("write {first}/{length} or {address}")))
}
