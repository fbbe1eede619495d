//! Keys for triplets that other programs knew.

use super::{Lookup, Policy, triplet};
use crate::store::import::{Keys, Network};
use std::net::IpAddr;

impl Keys for Policy {
    fn triplet(&self, client: Network, sender: &[u8], recipient: &[u8]) -> Option<Vec<u8>> {
        let Network { address, bits } = client;
        let needed = match (self.lookup, address) {
            (Lookup::Subnet { ipv4, .. }, IpAddr::V4(_)) => ipv4,
            (Lookup::Subnet { ipv6, .. }, IpAddr::V6(_)) => ipv6,
            (Lookup::Host, IpAddr::V4(_)) => 32,
            (Lookup::Host, IpAddr::V6(_)) => 128,
        };
        (bits >= needed).then(|| triplet::key(self, address, sender, recipient))
    }

    fn delay(&self) -> i64 {
        self.delay
    }
}
