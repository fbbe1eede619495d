//! The names that records have on the servers: `postgrey:{TAG}:t:KEY` for triplets,
//! `postgrey:{TAG}:c:KEY` for the auto-whitelist.
//!
//! The tag is what a cluster places a name by. It is the client's part of the key, or
//! the network of a client on the auto-whitelist, so that all records of one decision
//! are on one server. A name depends on nothing but the key and the way keys are made.

use crate::greylist::{Policy, triplet};
use crate::state::Table;
use std::net::IpAddr;

pub const PREFIX: &str = "postgrey:";

/// The name of the metadata.
pub const META: &[u8] = b"postgrey:meta";

/// The name of a record that is written to test the servers.
pub const PROBE: &[u8] = b"postgrey:probe";

pub const SLOTS: u16 = 16384;

/// Returns true if all records of one decision have the same tag, which a cluster
/// needs. Hashes and domains hide the network of a client.
pub fn share_a_tag(policy: &Policy) -> bool {
    !policy.privacy && !policy.by_domain.triplets && !policy.by_domain.auto_whitelist
}

pub fn name(policy: &Policy, table: Table, key: &[u8]) -> Vec<u8> {
    let tag = tag(policy, table, key);
    let kind = kind(table);
    [PREFIX.as_bytes(), b"{", &tag, b"}", kind, key].concat()
}

/// The table and key of a name; `None` if it is not that of a record.
pub fn parse(name: &[u8]) -> Option<(Table, &[u8])> {
    let rest = name.strip_prefix(PREFIX.as_bytes())?.strip_prefix(b"{")?;
    let end = memchr::memchr(b'}', rest)?;
    let rest = &rest[end + 1..];
    Table::ALL.into_iter().find_map(|table| Some((table, rest.strip_prefix(kind(table))?)))
}

/// The pattern of `SCAN` that finds the records of a table whose keys start with a
/// prefix.
pub fn pattern(table: Table, prefix: &[u8]) -> Vec<u8> {
    let mut pattern = [PREFIX.as_bytes(), b"{*}", kind(table)].concat();
    for byte in prefix {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'^' | b'-' | b'\\') {
            pattern.push(b'\\');
        }
        pattern.push(*byte);
    }
    pattern.push(b'*');
    pattern
}

/// The slot of a name: CRC-16 (XMODEM) of what is between its first braces, if that
/// is not empty.
pub fn slot(name: &[u8]) -> u16 {
    let tag = memchr::memchr(b'{', name).and_then(|start| {
        let rest = &name[start + 1..];
        let end = memchr::memchr(b'}', rest).filter(|end| *end > 0)?;
        Some(&rest[..end])
    });
    let crc = tag.unwrap_or(name).iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
        })
    });
    crc % SLOTS
}

fn kind(table: Table) -> &'static [u8] {
    match table {
        Table::Triplets => b":t:",
        Table::Clients => b":c:",
    }
}

/// The tag never has a brace in it.
fn tag(policy: &Policy, table: Table, key: &[u8]) -> Vec<u8> {
    if table == Table::Clients {
        let address = std::str::from_utf8(key).ok().and_then(|key| key.parse::<IpAddr>().ok());
        if let Some(address) = address {
            let network = triplet::beginning(policy, address);
            return network.strip_suffix(b"/").unwrap_or(&network).to_vec();
        }
    }
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".:_-".contains(byte);
    key.iter().copied().take_while(|byte| is_plain(byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::greylist::{ByDomain, Client, LookupBy, awl_keys};

    fn names(policy: &Policy, client: &str) -> [String; 2] {
        let client = Client { address: client.parse().unwrap(), name: b"mail.pool.test" };
        let triplet = triplet::key(policy, client, b"a@b.test", b"c@d.test");
        let awl = &awl_keys(policy, client, b"a@b.test")[0].bytes;
        [(Table::Triplets, &triplet), (Table::Clients, awl)]
            .map(|(table, key)| String::from_utf8(name(policy, table, key)).unwrap())
    }

    #[test]
    fn records_of_one_decision_share_a_slot() {
        let host = Policy { lookup_by: LookupBy::Host, ..Policy::default() };
        let narrow =
            Policy { lookup_by: LookupBy::Subnet { ipv4: 30, ipv6: 48 }, ..Policy::default() };
        for policy in [Policy::default(), host, narrow] {
            assert!(share_a_tag(&policy));
            for client in ["192.0.2.7", "2001:db8:1:2::AB", "::ffff:192.0.2.1"] {
                let [triplet, awl] = names(&policy, client);
                assert_eq!(slot(triplet.as_bytes()), slot(awl.as_bytes()), "{triplet} {awl}");
            }
        }
        assert_eq!(
            names(&Policy::default(), "192.0.2.7"),
            [
                "postgrey:{192.0.2.0}:t:192.0.2.0/a@b.test/c@d.test",
                "postgrey:{192.0.2.0}:c:192.0.2.7"
            ]
        );
    }

    #[test]
    fn hashes_and_domains_do_not_share_a_slot() {
        let privacy = Policy { privacy: true, ..Policy::default() };
        let by_domain = ByDomain { triplets: true, auto_whitelist: false };
        let domains = Policy { by_domain, ..Policy::default() };
        for policy in [privacy, domains] {
            assert!(!share_a_tag(&policy));
            let [triplet, awl] = names(&policy, "192.0.2.7");
            assert_ne!(slot(triplet.as_bytes()), slot(awl.as_bytes()), "{triplet} {awl}");
        }
    }

    #[test]
    fn names_lead_back_to_their_keys() {
        let policy = Policy::default();
        let every_byte: Vec<u8> = (0..=255).collect();
        for table in Table::ALL {
            for key in [
                b"192.0.2.0/a@b.test/c@d.test".as_slice(),
                b"2001:DB8:0:0:0:0:0:1",
                b"x}:t:y",
                b"{}",
                b"pool.test/b.test",
                &every_byte,
                b"",
            ] {
                assert_eq!(parse(&name(&policy, table, key)), Some((table, key)));
            }
        }
        for other in [META, PROBE, b"postgrey:{a}:x:b", b"other:{a}:t:b", b"postgrey:{a", b""] {
            assert_eq!(parse(other), None);
        }
    }

    #[test]
    fn slots_are_those_of_redis() {
        // From the cluster specification, and from CLUSTER KEYSLOT of Redis 7.
        for (name, expected) in
            [("123456789", 0x31c3), ("{user1000}.following", 3443), ("foo{}{bar}", 8363), ("", 0)]
        {
            assert_eq!(slot(name.as_bytes()), expected % SLOTS, "{name}");
        }
    }

    #[test]
    fn patterns_have_no_wildcards_but_their_own() {
        assert_eq!(pattern(Table::Clients, b""), b"postgrey:{*}:c:*");
        assert_eq!(pattern(Table::Triplets, b"a*[b]\\"), b"postgrey:{*}:t:a\\*\\[b\\]\\\\*");
    }
}
