//! Which entries are meant.

use crate::greylist::{State, triplet};
use std::net::IpAddr;
use std::str::FromStr;

/// What entries must be like; without any condition all are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The client, or in triplets its network.
    pub client: Option<IpAddr>,
    /// A network in which the client is.
    pub network: Option<Network>,
    /// The sender.
    pub sender: Option<Addresses>,
    /// The recipient.
    pub recipient: Option<Addresses>,
    /// What becomes of it.
    pub state: Option<State>,
}

/// A network of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether an address is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4()
            && triplet::network(address, self.bits) == self.first
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Network, ()> {
        let (address, bits) = text.split_once('/').unzip();
        let address: IpAddr = address.unwrap_or(text).parse().map_err(|_| ())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(longest), str::parse).map_err(|_| ())?;
        if bits > longest {
            return Err(());
        }
        Ok(Network { first: triplet::network(address, bits), bits })
    }
}

/// Mail addresses, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// One, or the empty one of bounces.
    One(Vec<u8>),
    /// All of a domain and those below it.
    Domain(Vec<u8>),
}

impl Addresses {
    /// Reads `user@domain`, `domain` or `@domain`; nothing and `<>` are the
    /// empty address.
    pub fn parse(text: &[u8]) -> Addresses {
        let address = address(text).to_ascii_lowercase();
        match memchr::memchr(b'@', &address) {
            Some(0) => Addresses::Domain(address[1..].to_vec()),
            None if !address.is_empty() => Addresses::Domain(address),
            _ => Addresses::One(address),
        }
    }

    /// Whether an address, as it stands in a key, is meant.
    pub fn contain(&self, address: &[u8]) -> bool {
        match self {
            Addresses::One(one) => address.eq_ignore_ascii_case(one),
            Addresses::Domain(domain) => {
                let Some(at) = memchr::memrchr(b'@', address) else {
                    return false;
                };
                let of = address[at + 1..].to_ascii_lowercase();
                let Some(rest) = of.strip_suffix(domain.as_slice()) else {
                    return false;
                };
                rest.is_empty() || rest.ends_with(b".")
            }
        }
    }
}

/// An address without the brackets that logs put around it.
pub(super) fn address(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"<").and_then(|rest| rest.strip_suffix(b">")).unwrap_or(text)
}
