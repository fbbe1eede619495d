//! Keys of imported triplets, made like the daemon's.

use crate::greylist::{Policy, triplet};
use ipnet::IpNet;

/// Returns the key of a triplet; `None` if the daemon distinguishes the clients of
/// that network.
pub fn of_triplet(
    policy: &Policy,
    client: IpNet,
    sender: &[u8],
    recipient: &[u8],
) -> Option<Vec<u8>> {
    is_one_client(policy, client).then(|| triplet::key(policy, client.addr(), sender, recipient))
}

/// Returns the client part of a triplet's key; `None` in the same case.
pub fn client_part(policy: &Policy, client: IpNet) -> Option<String> {
    is_one_client(policy, client).then(|| triplet::client_part(policy.lookup_by, client.addr()))
}

fn is_one_client(policy: &Policy, client: IpNet) -> bool {
    client.prefix_len() >= policy.lookup_by.bits(client.addr())
}
