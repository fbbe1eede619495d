//! The daemon's way to make keys.

use std::net::IpAddr;

/// Makes the keys of imported triplets and clients.
pub trait Keys {
    /// Returns the key of a triplet; `None` if the daemon distinguishes the
    /// clients of that network.
    fn triplet(&self, client: Network, sender: &[u8], recipient: &[u8]) -> Option<Vec<u8>>;

    /// Returns the client part of a triplet's key; `None` in the same case.
    fn client_of_triplet(&self, client: Network) -> Option<String>;

    /// Returns a key in stored form: its hash with `--privacy`.
    fn stored(&self, key: Vec<u8>) -> Vec<u8>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    pub address: IpAddr,
    /// The length of its prefix in bits.
    pub bits: u8,
}

impl Network {
    pub fn of_one(address: IpAddr) -> Network {
        Network { address, bits: if address.is_ipv4() { 32 } else { 128 } }
    }
}
