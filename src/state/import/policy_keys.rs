//! Keys for triplets that other programs knew.

use super::{Keys, Network};
use crate::greylist::{Policy, triplet};

impl Keys for Policy {
    fn triplet(&self, client: Network, sender: &[u8], recipient: &[u8]) -> Option<Vec<u8>> {
        let is_distinct = client.bits < self.lookup.bits(client.address);
        (!is_distinct).then(|| triplet::key(self, client.address, sender, recipient))
    }

    fn client_of_triplet(&self, client: Network) -> Option<String> {
        let is_distinct = client.bits < self.lookup.bits(client.address);
        (!is_distinct).then(|| triplet::client_part(self.lookup, client.address))
    }

    fn stored(&self, key: Vec<u8>) -> Vec<u8> {
        triplet::hidden(self, key)
    }
}
