//! Limits of clients, in total and per network.

use crate::greylist::triplet::network;
use std::collections::HashMap;
use std::net::IpAddr;

/// Connections of one network at the same time.
const MAX_OF_NETWORK: u32 = 50;

/// Bits of an address that make a network: that of a site.
const NETWORK_V4: u8 = 24;
const NETWORK_V6: u8 = 64;

#[derive(Debug)]
pub struct Limits {
    max_clients: usize,
    clients: usize,
    networks: HashMap<IpAddr, u32>,
}

impl Limits {
    pub fn new(max_clients: usize) -> Limits {
        Limits { max_clients, clients: 0, networks: HashMap::new() }
    }

    /// Counts a client, or returns false if there are too many.
    pub fn admit(&mut self, address: IpAddr) -> bool {
        let of_network = self.networks.get(&network_of(address)).copied().unwrap_or_default();
        if self.clients >= self.max_clients || of_network >= MAX_OF_NETWORK {
            return false;
        }
        self.clients += 1;
        self.networks.insert(network_of(address), of_network + 1);
        true
    }

    /// Notes that an admitted client has gone.
    pub fn release(&mut self, address: IpAddr) {
        self.clients -= 1;
        let network = network_of(address);
        match self.networks.get_mut(&network) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(self.networks.remove(&network)),
        }
    }
}

fn network_of(address: IpAddr) -> IpAddr {
    network(address, if address.is_ipv4() { NETWORK_V4 } else { NETWORK_V6 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn clients_of_a_network_are_limited() {
        let mut limits = Limits::new(1000);
        for last in 0..50 {
            assert!(limits.admit(address(last)));
        }
        assert!(!limits.admit(address(50)));
        assert!(limits.admit(IpAddr::from([192, 0, 3, 1])));
        limits.release(address(3));
        assert!(limits.admit(address(50)));
    }

    #[test]
    fn all_clients_are_limited() {
        let mut limits = Limits::new(2);
        assert!(limits.admit(IpAddr::from([10, 0, 0, 1])));
        assert!(limits.admit(IpAddr::from([10, 0, 1, 1])));
        assert!(!limits.admit(IpAddr::from([10, 0, 2, 1])));
        limits.release(IpAddr::from([10, 0, 0, 1]));
        assert!(limits.admit(IpAddr::from([10, 0, 2, 1])));
        assert_eq!(limits.networks.len(), 2);
    }
}
