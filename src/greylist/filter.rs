//! Filters for records.

use super::{State, registered_domain, sender_domain};
use ipnet::IpNet;
use std::net::IpAddr;

/// The conditions that selected records meet; without any, all are selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The client, or in triplets its network, or all of a domain.
    pub client: Option<ClientFilter>,
    /// A network in which the client is.
    pub network: Option<IpNet>,
    pub sender: Option<AddressFilter>,
    pub recipient: Option<AddressFilter>,
    pub state: Option<State>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientFilter {
    One(IpAddr),
    /// A registered domain, in lower case as in keys.
    Domain(Vec<u8>),
}

impl ClientFilter {
    /// Reads an address or a registered domain.
    ///
    /// # Errors
    /// The text says what is valid. A host name is refused, because only its
    /// registered domain is stored; the text names it.
    pub fn parse(bytes: &[u8]) -> Result<ClientFilter, String> {
        if let Some(address) = std::str::from_utf8(bytes).ok().and_then(|word| word.parse().ok()) {
            return Ok(ClientFilter::One(address));
        }
        match registered_domain(bytes) {
            Some(domain) if domain.eq_ignore_ascii_case(bytes) => Ok(ClientFilter::Domain(domain)),
            Some(domain) => {
                let domain = String::from_utf8_lossy(&domain).into_owned();
                Err(format!("an IP address or a registered domain, such as {domain}"))
            }
            None => Err("an IP address or a registered domain".to_owned()),
        }
    }
}

/// Reads a network, or an address as the network of this one alone.
pub fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().ok().map(|network: IpNet| network.trunc());
    network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Mail addresses, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressFilter {
    /// One, or the empty one of bounces.
    One(Vec<u8>),
    /// All of a domain and those below it.
    Domain(Vec<u8>),
}

impl AddressFilter {
    /// Reads `user@domain`, `domain` or `@domain`; nothing and `<>` are the
    /// empty address.
    pub fn parse(text: &[u8]) -> AddressFilter {
        let address = bare_address(text).to_ascii_lowercase();
        match memchr::memchr(b'@', &address) {
            Some(0) => AddressFilter::Domain(address[1..].to_vec()),
            None if !address.is_empty() => AddressFilter::Domain(address),
            _ => AddressFilter::One(address),
        }
    }

    /// Returns true if the filter selects an address of a key.
    pub fn contain(&self, address: &[u8]) -> bool {
        match self {
            AddressFilter::One(one) => address.eq_ignore_ascii_case(one),
            AddressFilter::Domain(domain) => match memchr::memrchr(b'@', address) {
                Some(at) => is_in(&address[at + 1..], domain),
                None => false,
            },
        }
    }

    /// Returns true if a registered domain, or the empty one of bounces, holds any that
    /// is meant.
    pub fn touch(&self, registered: &[u8]) -> bool {
        match self {
            AddressFilter::One(one) => sender_domain(one).is_some_and(|of| of == registered),
            AddressFilter::Domain(domain) => {
                is_in(registered, domain)
                    || registered_domain(domain).is_some_and(|of| of == registered)
            }
        }
    }
}

/// Returns true if a name is a domain or lies below it.
fn is_in(name: &[u8], domain: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let rest = name.strip_suffix(domain);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(b"."))
}

/// An address without the brackets that logs put around it.
pub fn bare_address(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"<").and_then(|rest| rest.strip_suffix(b">")).unwrap_or(text)
}
