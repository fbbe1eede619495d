//! Mistakes in addresses and networks of clients.

use super::super::networks::Network;
use super::{Advice, Look, Remedy, doubtful, instead, useless, write};
use std::net::{Ipv4Addr, Ipv6Addr};

pub(super) const LOOKS: &[Look] = &[
    ("brackets", brackets),
    ("port", port),
    ("range", range),
    ("netmask", netmask),
    ("octal", octal),
    ("number-too-large", number_too_large),
    ("length-too-large", length_too_large),
    ("everybody", everybody),
    ("short-network", short_network),
    ("wildcard", wildcard),
    ("cut-address", cut_address),
    ("two-numbers", two_numbers),
    ("mapped-address", mapped_address),
    ("zone", zone),
    ("host-bits", host_bits),
];

/// The numbers between the dots, if there is nothing else; up to four.
fn numbers(text: &str) -> Option<Vec<&str>> {
    let numbers: Vec<&str> = text.split('.').collect();
    let fits = |number: &&str| {
        (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    (numbers.len() <= 4 && numbers.iter().all(fits)).then_some(numbers)
}

/// A network of so many numbers; their count times eight is its length.
fn network_of(numbers: &[&str], length: u8) -> Option<String> {
    let mut octets = [0_u8; 4];
    for (octet, number) in octets.iter_mut().zip(numbers) {
        *octet = number.parse().ok()?;
    }
    let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
    Some(format!("{}/{length}", Ipv4Addr::from(u32::from(Ipv4Addr::from(octets)) & mask)))
}

fn brackets(rule: &str) -> Option<Advice> {
    let (address, length) = rule.strip_prefix('[')?.split_once(']')?;
    let is_v4 = address.parse::<Ipv4Addr>().is_ok();
    if !is_v4 && (address.parse::<Ipv6Addr>().is_err() || length.is_empty()) {
        return None;
    }
    Some(useless("is no address: the brackets are in the way", write(format!("{address}{length}"))))
}

fn port(rule: &str) -> Option<Advice> {
    let (address, port) = rule.split_once(':')?;
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    (is_port && (address.parse::<Ipv4Addr>().is_ok() || address.contains('.')))
        .then(|| useless("names a port, which no client's name or address has", write(address)))
}

fn range(rule: &str) -> Option<Advice> {
    let (from, to) = rule.split_once('-')?;
    let first: Ipv4Addr = from.parse().ok()?;
    let last: Ipv4Addr = match to.parse() {
        Ok(last) => last,
        Err(_) => {
            let number: u8 = to.parse().ok()?;
            let [a, b, c, _] = first.octets();
            Ipv4Addr::from([a, b, c, number])
        }
    };
    let remedy = match networks_from(first.into(), last.into()) {
        Some(lines) => Remedy::Write(lines),
        None => instead("write the networks it is made of, one a line, like 192.0.2.0/24"),
    };
    Some(useless("is no network: ranges are taken for names", remedy))
}

/// The networks that make up a range, if they are few.
fn networks_from(first: u32, last: u32) -> Option<Vec<String>> {
    const MOST: usize = 8;
    let (mut next, last) = (u64::from(first), u64::from(last));
    let mut lines = Vec::new();
    while next <= last && lines.len() < MOST {
        let mut bits = u64::trailing_zeros(next | 1 << 32).min(32);
        while next + (1 << bits) - 1 > last {
            bits -= 1;
        }
        let address = Ipv4Addr::from(u32::try_from(next).ok()?);
        lines.push(if bits == 0 {
            address.to_string()
        } else {
            format!("{address}/{}", 32 - bits)
        });
        next += 1 << bits;
    }
    (next > last && !lines.is_empty()).then_some(lines)
}

fn netmask(rule: &str) -> Option<Advice> {
    let (address, mask) = rule.split_once('/')?;
    let mask = u32::from(mask.parse::<Ipv4Addr>().ok()?);
    let length = u8::try_from(mask.leading_ones()).ok()?;
    let remedy = match numbers(address).and_then(|numbers| network_of(&numbers, length)) {
        Some(network) if mask.leading_ones() + mask.trailing_zeros() >= 32 => write(network),
        _ => instead("write the network with the length of its prefix, like 192.0.2.0/24"),
    };
    Some(useless("is taken for a name: a network has a length behind the slash", remedy))
}

fn octal(rule: &str) -> Option<Advice> {
    let (address, length) = rule.split_once('/').unzip();
    let numbers = numbers(address.unwrap_or(rule)).filter(|numbers| numbers.len() > 1)?;
    if !numbers.iter().any(|number| number.len() > 1 && number.starts_with('0')) {
        return None;
    }
    let decimal = |number: &&str| number.trim_start_matches('0').parse::<u32>().unwrap_or(0);
    let plain = numbers.iter().map(|number| decimal(number).to_string()).collect::<Vec<_>>();
    let length = length.map(|length| format!("/{length}")).unwrap_or_default();
    let problem = "has leading zeros, which postgrey 1 takes for octal and others for decimal";
    Some(useless(problem, write(plain.join(".") + &length)))
}

fn number_too_large(rule: &str) -> Option<Advice> {
    let address = rule.split('/').next()?;
    let numbers = numbers(address).filter(|numbers| numbers.len() > 1)?;
    let wrong = numbers.iter().find(|number| number.parse::<u8>().is_err())?;
    let problem = format!("is no address: {wrong} is larger than 255");
    Some(useless(problem, instead("look up the address and write that")))
}

fn length_too_large(rule: &str) -> Option<Advice> {
    let (address, length) = rule.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    let longest = if address.parse::<Ipv4Addr>().is_ok() {
        32
    } else if address.parse::<Ipv6Addr>().is_ok() {
        128
    } else {
        return None;
    };
    (length > longest).then(|| {
        let problem = format!("is no network: the length of a prefix ends at {longest}");
        useless(problem, write(address))
    })
}

fn everybody(rule: &str) -> Option<Advice> {
    let network = Network::parse(rule.as_bytes())?.ok()?;
    network.holds_all_of_ipv4().then(|| useless("matches every client", instead("delete it")))
}

/// `10/8`, `1.2/16`, `1.2.3/24`.
fn short_network(rule: &str) -> Option<Advice> {
    let (address, length) = rule.split_once('/')?;
    let numbers = numbers(address).filter(|numbers| numbers.len() < 4)?;
    let length: u8 = length.parse().ok().filter(|length| *length <= 32)?;
    let network = network_of(&numbers, length)?;
    Some(useless("is taken for a name: a network has four numbers", write(network)))
}

/// `1.2.3.*`, `10.*.*.*`, `1.2.3.x`.
fn wildcard(rule: &str) -> Option<Advice> {
    let parts: Vec<&str> = rule.split('.').collect();
    let known = parts.iter().take_while(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let known = known.count();
    let (numbers, rest) = parts.split_at(known);
    let is_rest = |part: &&str| matches!(*part, "*" | "x" | "X" | "%" | "xxx" | "?");
    if known == 0 || rest.is_empty() || !rest.iter().all(is_rest) || numbers.contains(&"") {
        return None;
    }
    let network = network_of(numbers, 8 * u8::try_from(known).ok()?)?;
    Some(useless("is taken for a name: addresses have no wildcards", write(network)))
}

/// `10`, `10.`, `192.168.`, `1.2.3.`.
fn cut_address(rule: &str) -> Option<Advice> {
    let text = rule.strip_suffix('.');
    let numbers = numbers(text.unwrap_or(rule))?;
    let is_cut = text.is_some() || numbers.len() == 1;
    let length = 8 * u8::try_from(numbers.len()).ok()?;
    let network = network_of(&numbers, length).filter(|_| is_cut)?;
    let line = network.strip_suffix("/32").unwrap_or(&network);
    Some(useless("is taken for a name, which no client has", write(line)))
}

fn two_numbers(rule: &str) -> Option<Advice> {
    let numbers = numbers(rule).filter(|numbers| numbers.len() == 2)?;
    let (narrow, wide) = (network_of(&numbers, 24)?, network_of(&numbers, 16)?);
    let problem =
        format!("is the /24 {narrow}, and not the /16 that the manual of postgrey 1 promises");
    Some(doubtful(problem, instead(format!("write {wide} or {narrow}, whichever is meant"))))
}

fn mapped_address(rule: &str) -> Option<Advice> {
    let (address, length) = rule.split_once('/').unzip();
    let mapped: Ipv6Addr = address.unwrap_or(rule).parse().ok()?;
    let plain = mapped.to_ipv4_mapped()?;
    let length: Option<u8> = length.and_then(|length| length.parse().ok());
    let line = match length.filter(|length| *length >= 96) {
        Some(length) => format!("{plain}/{}", length - 96),
        None => plain.to_string(),
    };
    Some(useless("is never a client: mail servers report IPv4 clients as such", write(line)))
}

fn zone(rule: &str) -> Option<Advice> {
    let (address, _) = rule.split_once('%')?;
    address.parse::<Ipv6Addr>().ok()?;
    Some(useless("is no address: the name of an interface is no part of one", write(address)))
}

fn host_bits(rule: &str) -> Option<Advice> {
    let (address, length) = rule.split_once('/')?;
    let length: u8 = length.parse().ok()?;
    let network = if let Ok(address) = address.parse::<Ipv4Addr>() {
        let mask = u32::MAX.checked_shl(32_u32.checked_sub(length.into())?).unwrap_or(0);
        let first = Ipv4Addr::from(u32::from(address) & mask);
        (first != address).then(|| format!("{first}/{length}"))
    } else {
        let address: Ipv6Addr = address.parse().ok()?;
        let mask = u128::MAX.checked_shl(128_u32.checked_sub(length.into())?).unwrap_or(0);
        let first = Ipv6Addr::from(u128::from(address) & mask);
        (first != address).then(|| format!("{first}/{length}"))
    }?;
    let alone = address;
    let problem = format!("is the network {network}, not only {alone}");
    Some(doubtful(problem, instead(format!("write {network} or {alone}, whichever is meant"))))
}
