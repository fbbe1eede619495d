//! How the daemon makes keys.

use std::net::IpAddr;

/// How the daemon makes keys of the triplets and clients that are imported.
pub trait Keys {
    /// The key of a triplet; none if the daemon distinguishes clients of that
    /// network.
    fn triplet(&self, client: Network, sender: &[u8], recipient: &[u8]) -> Option<Vec<u8>>;

    /// The client in the key of a triplet; none likewise.
    fn client_of_triplet(&self, client: Network) -> Option<String>;

    /// A key as it is stored: its hash with `--privacy`.
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
