//! The reported clients: the lists of `--skip_clients` and `--match_clients`, and
//! `--skip_pool` (BEHAVIOUR H4).

use super::complain;
use crate::cli::ReportOptions;
use crate::cli::admin;
use crate::daemon::Failure;
use crate::greylist::triplet;
use crate::lists::{Letters, Pattern};
use crate::maillog::{Reject, reason};
use ipnet::IpNet;
use memchr::memmem;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

pub struct ReportFilter {
    skipped: Vec<Rule>,
    /// `None` if all others are reported.
    matched: Option<Vec<Rule>>,
    skips_pools: bool,
}

impl ReportFilter {
    /// Reads the lists that the options name.
    pub fn read(order: &ReportOptions) -> Result<ReportFilter, Failure> {
        let ReportOptions { skip_clients, match_clients, skip_pool, .. } = order;
        let matched = (!match_clients.is_empty()).then(|| read(match_clients));
        Ok(ReportFilter {
            skipped: read(skip_clients)?,
            matched: matched.transpose()?,
            skips_pools: *skip_pool,
        })
    }

    /// Returns true if an attempt is reported, if it is lost.
    pub fn reports(&self, attempt: &Reject<'_>) -> bool {
        let have = |rules: &Vec<Rule>| rules.iter().any(|rule| rule.is_about(attempt));
        self.matched.as_ref().is_none_or(have)
            && !have(&self.skipped)
            && !(self.skips_pools && is_of_pool(attempt.client, attempt.name))
    }
}

/// Returns true if a name holds the last two numbers of the address, as providers name
/// the addresses of their subscribers.
pub fn is_of_pool(client: IpAddr, name: &[u8]) -> bool {
    let IpAddr::V4(address) = client else {
        return false;
    };
    let [.., third, fourth] = address.octets();
    [third, fourth].iter().all(|octet| memmem::find(name, octet.to_string().as_bytes()).is_some())
}

/// The network of a client in the report, unless its name has its own address in
/// it.
pub fn network(client: IpAddr, name: &[u8]) -> IpAddr {
    if name == b"unknown" || is_of_pool(client, name) { client } else { network_of(client) }
}

/// The network of an address: of 24 bits, for IPv6 that of a site.
pub fn network_of(address: IpAddr) -> IpAddr {
    triplet::network(address, if address.is_ipv4() { 24 } else { 64 })
}

enum Rule {
    Pattern(Pattern),
    /// The start of the address, `.` being any character.
    Beginning(Vec<u8>),
    Network(IpNet),
    /// The end of the name, in lower case.
    Ending(Vec<u8>),
}

/// Reads lists; those that cannot be read are reported.
fn read(files: &[PathBuf]) -> Result<Vec<Rule>, Failure> {
    let mut rules = Vec::new();
    for file in files {
        let text = fs::read(file).unwrap_or_else(|error| {
            complain(&format!("Can't open {}: {}", file.display(), reason(&error)));
            Vec::new()
        });
        for (line, number) in text.split(|byte| *byte == b'\n').zip(1..) {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let place = format!("{} line {number}", file.display());
            match Rule::parse(line) {
                Ok(Some(rule)) => rules.push(rule),
                Ok(None) => complain(&format!("WARNING: {place}: doesn't look like a hostname")),
                Err(why) => {
                    return Err(Failure::new(format!("ERROR: {place} is not a pattern: {why}")));
                }
            }
        }
    }
    Ok(rules)
}

impl Rule {
    /// Reads a line; `None` if it is nothing known. The error is that of a pattern.
    fn parse(line: &[u8]) -> Result<Option<Rule>, String> {
        if line.iter().any(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let pattern = line.strip_prefix(b"/").and_then(|rest| rest.strip_suffix(b"/"));
        if let Some(pattern) = pattern.filter(|pattern| !pattern.is_empty()) {
            return Pattern::new(pattern, Letters::SameInBothCases).map(Rule::Pattern).map(Some);
        }
        if is_beginning_of_address(line) {
            return Ok(Some(Rule::Beginning(line.to_vec())));
        }
        let network = std::str::from_utf8(line).ok().and_then(admin::network);
        let ending = || Rule::Ending(line.to_ascii_lowercase());
        Ok(Some(network.map_or_else(ending, Rule::Network)))
    }

    fn is_about(&self, attempt: &Reject<'_>) -> bool {
        let Reject { name, client, address, .. } = attempt;
        match self {
            Rule::Pattern(pattern) => pattern.is_match(name),
            Rule::Beginning(beginning) => {
                client.is_ipv4()
                    && address.len() >= beginning.len()
                    && beginning
                        .iter()
                        .zip(*address)
                        .all(|(rule, byte)| *rule == b'.' || rule == byte)
            }
            Rule::Network(network) => network.contains(client),
            Rule::Ending(ending) => {
                let at = name.len().checked_sub(ending.len());
                at.is_some_and(|at| name[at..].eq_ignore_ascii_case(ending))
            }
        }
    }
}

/// One to four numbers of one to three digits, with dots between.
fn is_beginning_of_address(line: &[u8]) -> bool {
    let mut numbers = line.split(|byte| *byte == b'.');
    numbers.clone().count() <= 4
        && numbers.all(|it| matches!(it.len(), 1..=3) && it.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt<'a>(name: &'a str, address: &'a str) -> Reject<'a> {
        Reject {
            code: b"450",
            name: name.as_bytes(),
            client: address.parse().unwrap(),
            address: address.as_bytes(),
            sender: b"",
            recipient: b"",
        }
    }

    #[test]
    fn names_match_at_their_ends_and_addresses_at_their_starts() {
        for (rule, name, address, has) in [
            ("b.test", "mx.B.test", "192.0.2.1", true),
            ("b.test", "mx.webb.test", "192.0.2.1", true),
            ("b.test", "b.test.example", "192.0.2.1", false),
            ("/^mx\\d/", "MX1.b.test", "192.0.2.1", true),
            ("/^mx\\d/", "mail.b.test", "192.0.2.1", false),
            ("192.0.2", "x", "192.0.2.1", true),
            ("1", "x", "192.0.2.1", true),
            ("1.2", "x", "192.0.2.1", true),
            ("1.3", "x", "192.0.2.1", false),
            ("1.2.1", "x", "192.0.2.1", false),
            ("192.0.2.1", "x", "192.0.2.100", true),
            ("192.0.2.1", "x", "192.0.2.2", false),
            ("192.0.2.0/31", "x", "192.0.2.1", true),
            ("192.0.2.0/31", "x", "192.0.2.2", false),
            ("2001:db8::/32", "x", "2001:db8::1", true),
            ("2001:db8::1", "x", "2001:db8::2", false),
            ("2", "x", "2001:db8::1", false),
        ] {
            let parsed = Rule::parse(rule.as_bytes()).unwrap().unwrap();
            assert_eq!(parsed.is_about(&attempt(name, address)), has, "{rule} {name} {address}");
        }
    }

    #[test]
    fn names_with_the_end_of_the_address_are_of_pools() {
        for (name, address, is_pool, network_of_it) in [
            ("dsl-2-77.b.test", "192.0.2.77", true, "192.0.2.77"),
            ("mx.b.test", "192.0.2.77", false, "192.0.2.0"),
            ("unknown", "192.0.2.77", false, "192.0.2.77"),
            ("mx.b.test", "2001:db8::1:2:3:4", false, "2001:db8::"),
        ] {
            let client = address.parse().unwrap();
            assert_eq!(is_of_pool(client, name.as_bytes()), is_pool, "{name}");
            assert_eq!(network(client, name.as_bytes()).to_string(), network_of_it, "{name}");
        }
    }
}
