//! Keys for triplets that other programs knew.

use super::{Keys, Network};
use crate::greylist::{Policy, triplet};

impl Keys for Policy {
    fn triplet(&self, client: Network, sender: &[u8], recipient: &[u8]) -> Option<Vec<u8>> {
        let Network { address, bits } = client;
        let is_narrow_enough = bits >= self.lookup.bits(address);
        is_narrow_enough.then(|| triplet::key(self, address, sender, recipient))
    }

    fn delay(&self) -> i64 {
        self.delay
    }
}
