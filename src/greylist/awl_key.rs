//! The subjects and keys of auto-whitelist records.

use super::{Client, Policy, client_domain, triplet};
use arrayvec::ArrayVec;
use std::net::IpAddr;

/// Records of the auto-whitelist that may count one attempt: the client's, and
/// that of its domain and the sender's.
pub const MAX_AWL_KEYS: usize = 2;

/// The subject whose passes a record of the auto-whitelist counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwlSubject {
    Client(IpAddr),
    /// The passes of mail from clients in one registered domain with senders in
    /// another, or the same.
    Domains {
        client: Vec<u8>,
        /// The domain of the senders, empty for bounces.
        sender: Vec<u8>,
    },
}

/// A record of the auto-whitelist: what it counts, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwlKey {
    pub subject: AwlSubject,
    pub bytes: Vec<u8>,
}

impl AwlSubject {
    pub fn key(self, policy: &Policy) -> AwlKey {
        let bytes = match &self {
            AwlSubject::Client(address) => triplet::client_key(policy, *address),
            AwlSubject::Domains { client, sender } => triplet::domains_key(policy, client, sender),
        };
        AwlKey { subject: self, bytes }
    }
}

/// The keys of the records that count an attempt, first the one that the
/// original has. Domains count only if client and sender both have one.
pub fn awl_keys(
    policy: &Policy,
    client: Client<'_>,
    sender: &[u8],
) -> ArrayVec<AwlKey, MAX_AWL_KEYS> {
    let mut keys = ArrayVec::new();
    if policy.auto_whitelist.is_none() {
        return keys;
    }
    keys.push(AwlSubject::Client(client.address).key(policy));
    let domain = policy.by_domain.auto_whitelist.then(|| client.domain()).flatten();
    if let (Some(client), Some(sender)) = (domain, client_domain::sender_domain(sender)) {
        keys.push(AwlSubject::Domains { client, sender }.key(policy));
    }
    keys
}
