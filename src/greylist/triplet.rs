//! The key of a request's triplet.
//!
//! Mailing lists and bounce-address schemes put changing numbers into the sender,
//! and networks send one mail from several addresses. Neither would ever match a
//! known triplet, so the varying parts are removed (BEHAVIOUR E5).

use super::{Client, LookupBy, Policy};
use ipnet::IpNet;
use std::fmt::Write as _;
use std::net::IpAddr;

/// The key of a triplet: `client/sender/recipient` in lower case, or its SHA-1
/// sum in hexadecimal with `--privacy`. The client is an address or, with
/// `--lookup-by-domain`, a domain; no domain looks like an address.
pub fn key<'n>(
    policy: &Policy,
    client: impl Into<Client<'n>>,
    sender: &[u8],
    recipient: &[u8],
) -> Vec<u8> {
    let client = client.into();
    let part = client
        .domain_in_triplets(policy)
        .unwrap_or_else(|| client_part(policy.lookup_by, client.address).into_bytes());
    joined(policy, part, sender, recipient)
}

/// Returns the key of a triplet whose client is a registered domain, even if the
/// policy does not make such keys.
pub fn key_in_domain(policy: &Policy, domain: &[u8], sender: &[u8], recipient: &[u8]) -> Vec<u8> {
    joined(policy, domain.to_vec(), sender, recipient)
}

fn joined(policy: &Policy, client: Vec<u8>, sender: &[u8], recipient: &[u8]) -> Vec<u8> {
    let mut key = client;
    key.reserve(sender.len() + recipient.len() + 2);
    key.push(b'/');
    push_sender(&mut key, sender);
    key.push(b'/');
    key.extend_from_slice(recipient);
    key.make_ascii_lowercase();
    hidden(policy, key)
}

/// The key of a client in the auto-whitelist: its whole address, IPv6 in upper
/// case (BEHAVIOUR E6); the SHA-1 sum of that with `--privacy`.
pub fn client_key(policy: &Policy, client: IpAddr) -> Vec<u8> {
    hidden(policy, client_text(client).into_bytes())
}

/// The key of two registered domains in the auto-whitelist, that of clients and
/// that of senders, which of bounces is empty: `client/sender`, likewise. No
/// address has a slash.
pub fn domains_key(policy: &Policy, client: &[u8], sender: &[u8]) -> Vec<u8> {
    hidden(policy, [client, sender].join(&b'/'))
}

/// A client's address as the auto-whitelist and its log line spell it: IPv6 in
/// eight groups, upper case, nothing shortened.
pub fn client_text(client: IpAddr) -> String {
    let mut text = full(client);
    text.make_ascii_uppercase();
    text
}

/// A key as it is stored: its SHA-1 sum with `--privacy`.
pub fn hidden(policy: &Policy, key: Vec<u8>) -> Vec<u8> {
    if policy.privacy { sha1_smol::Sha1::from(&key).digest().to_string().into_bytes() } else { key }
}

/// Returns a sender in the form of keys, in lower case.
pub fn sender_part(sender: &[u8]) -> Vec<u8> {
    let mut part = Vec::with_capacity(sender.len());
    push_sender(&mut part, sender);
    part.make_ascii_lowercase();
    part
}

/// Returns the first address of the network with the given prefix length.
pub fn network(address: IpAddr, bits: u8) -> IpAddr {
    let longest = IpNet::from(address).max_prefix_len();
    IpNet::new(address, bits.min(longest)).map_or(address, |network| network.network())
}

/// Returns the prefix of all keys of a client's triplets, up to its slash. A
/// prefix length may follow.
pub fn beginning<'n>(policy: &Policy, client: impl Into<Client<'n>>) -> Vec<u8> {
    let client = client.into();
    if let Some(domain) = client.domain_in_triplets(policy) {
        return [&domain, b"/".as_slice()].concat();
    }
    let network = network(client.address, policy.lookup_by.bits(client.address));
    (full(network) + "/").into_bytes()
}

/// The network's address, or with `--lookup-by-host` the client's own and its
/// prefix length, which the original leaves in the key.
pub fn client_part(lookup_by: LookupBy, client: IpAddr) -> String {
    let bits = lookup_by.bits(client);
    let network = full(network(client, bits));
    match lookup_by {
        LookupBy::Subnet { .. } => network,
        LookupBy::Host => format!("{network}/{bits}"),
    }
}

/// Returns an address with all its groups, without the `::` of the standard library.
pub fn full(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let mut text = String::with_capacity(39);
            for (position, group) in address.segments().into_iter().enumerate() {
                let colon = if position == 0 { "" } else { ":" };
                let _ = write!(text, "{colon}{group:x}");
            }
            text
        }
    }
}

fn push_sender(key: &mut Vec<u8>, sender: &[u8]) {
    let Some(at) = memchr::memchr(b'@', sender) else {
        key.extend_from_slice(sender);
        return;
    };
    let (user, domain) = sender.split_at(at);
    let user = without_extension(without_batv_tag(user));
    push_without_numbers(key, user);
    key.extend_from_slice(domain);
}

/// Returns the user of a BATV signature, `prvs=TAG=USER` (draft-levine-smtp-batv)
/// or `prvs=USER=TAG` as older signers write it. A tag is ten letters and digits;
/// if both sides could be one, the last is the user.
fn without_batv_tag(user: &[u8]) -> &[u8] {
    let mut fields = user.split(|byte| *byte == b'=');
    let (Some(b"prvs"), Some(middle), Some(last), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return user;
    };
    if last.is_empty() {
        user
    } else if starts_with_tag(last) && !starts_with_tag(middle) {
        middle
    } else {
        last
    }
}

fn starts_with_tag(field: &[u8]) -> bool {
    field.len() >= 10 && field[..10].iter().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
}

/// The user before a `+extension`.
fn without_extension(user: &[u8]) -> &[u8] {
    &user[..memchr::memchr(b'+', user).unwrap_or(user.len())]
}

/// Each number that stands alone becomes `#`. Letters, digits and `_` make a
/// word; all other bytes, those of UTF-8 among them, end it.
fn push_without_numbers(key: &mut Vec<u8>, user: &[u8]) {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    for run in user.chunk_by(|left, right| is_word(left) == is_word(right)) {
        if run.iter().all(u8::is_ascii_digit) {
            key.push(b'#');
        } else {
            key.extend_from_slice(run);
        }
    }
}

#[cfg(test)]
#[path = "triplet_tests.rs"]
mod tests;
