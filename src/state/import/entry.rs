//! A row of another database as an entry of this one.
//!
//! Keys are those of the original since 1.14 (BEHAVIOUR E5, E6, G), in the form
//! in which this version looks for them.

use crate::greylist::edit::Edit;
use crate::greylist::key::split;
use crate::greylist::{Policy, Record, Table, TripletRecord, triplet};
use ipnet::IpNet;
use std::net::IpAddr;

/// The longest accepted key in bytes. Those of the original are shorter than
/// 1,100; a longer one is from a damaged file.
const MAX_KEY_LENGTH: usize = 2048;

/// The number from which on the first field of a row is a time and no count:
/// a day in 1973.
const EARLIEST_TIME: i64 = 100_000_000;

pub(super) const LONG_KEY: &str = "is longer than any triplet";
const NO_KEY: &str = "is the key of no triplet and no client";
const NO_NUMBER: &str = "has a value without a number";

/// Parses a row of the original; its key becomes the one that a daemon with this
/// `policy` looks up. Without a `table`, key and value determine it. Also returns
/// true if the key depends on the daemon's options. The error follows the row's
/// name.
pub(super) fn entry(
    table: Option<Table>,
    key: &[u8],
    value: &[u8],
    policy: &Policy,
) -> Result<(Edit, bool), String> {
    if key.len() > MAX_KEY_LENGTH {
        return Err(LONG_KEY.to_owned());
    }
    let table = table.or_else(|| table_of(key, value)).ok_or(NO_KEY)?;
    let made = match table {
        Table::Triplets => triplet_key(key, policy),
        Table::Clients => client_key(key).map(|key| (stored(key, policy), false)),
    };
    let (key, is_made) = made.ok_or(NO_KEY)?;
    let record = Record::parse(table, value).ok_or(NO_NUMBER)?;
    Ok((Edit::merge(&key, record), is_made))
}

/// Returns the entry of a triplet whose client may be a network.
pub(super) fn triplet_entry(
    policy: &Policy,
    client: IpNet,
    sender: &[u8],
    recipient: &[u8],
    record: TripletRecord,
) -> Result<Edit, String> {
    if !is_one_client(policy, client) {
        let bits = client.prefix_len();
        return Err(format!("is about a /{bits}, whose clients the daemon distinguishes"));
    }
    let key = triplet::key(policy, client.addr(), sender, recipient);
    if key.len() > MAX_KEY_LENGTH {
        return Err(LONG_KEY.to_owned());
    }
    Ok(Edit::merge(&key, Record::Triplet(record)))
}

/// Returns the table of a row without one.
fn table_of(key: &[u8], value: &[u8]) -> Option<Table> {
    if is_hash(key) {
        // With --privacy both tables have such keys; counts are small.
        let first = TripletRecord::parse(value).map_or(0, |seen| seen.first);
        return Some(if first >= EARLIEST_TIME { Table::Triplets } else { Table::Clients });
    }
    if client_key(key).is_some() {
        return Some(Table::Clients);
    }
    let (_, rest) = split(key)?;
    split(rest).map(|_| Table::Triplets)
}

/// Returns the key `client/sender/recipient` in lower case, or a hash, and true
/// if the client in it depends on the daemon's options.
///
/// 1.31 wrote whole IPv6 addresses as Postfix spells them, and 1.34 left the
/// prefix length in the key: neither is a key of 1.37, except the length of a
/// whole address (`--lookup-by-host`).
fn triplet_key(key: &[u8], policy: &Policy) -> Option<(Vec<u8>, bool)> {
    if is_hash(key) {
        return Some((key.to_vec(), false));
    }
    let (client, rest) = split(key)?;
    let (second, after) = split(rest)?;
    let length = split(after).and_then(|_| number(second));
    let (made, rest) = match address(client).map(IpNet::from) {
        None => (None, rest),
        Some(client) => match length {
            Some(bits) if bits == client.prefix_len() => (Some(triplet::full(client.addr())), rest),
            Some(bits) if bits < client.prefix_len() => {
                let network = IpNet::new(client.addr(), bits).ok();
                let made = network.and_then(|network| client_part(policy, network));
                (made.or_else(|| Some(triplet::full(client.addr()))), after)
            }
            _ => (client_part(policy, client), rest),
        },
    };
    let is_made = made.as_ref().is_some_and(|made| !made.as_bytes().eq_ignore_ascii_case(client));
    let client = made.map_or(client.to_vec(), String::into_bytes);
    let mut key = [&client, rest].join(&b'/');
    key.make_ascii_lowercase();
    Some((triplet::hidden(policy, key), is_made))
}

/// Returns the client part of a triplet's key; `None` if the daemon distinguishes the
/// clients of that network.
fn client_part(policy: &Policy, client: IpNet) -> Option<String> {
    is_one_client(policy, client).then(|| triplet::client_part(policy.lookup_by, client.addr()))
}

fn is_one_client(policy: &Policy, client: IpNet) -> bool {
    client.prefix_len() >= policy.lookup_by.bits(client.addr())
}

fn number(text: &[u8]) -> Option<u8> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn stored(key: Vec<u8>, policy: &Policy) -> Vec<u8> {
    if is_hash(&key) { key } else { triplet::hidden(policy, key) }
}

/// An address, IPv6 with eight groups in upper case, the domains of a client and
/// of a sender, which may be empty (`--auto-whitelist-by=domain`), or a hash.
/// 1.36 wrote the length of the whole address after it.
fn client_key(key: &[u8]) -> Option<Vec<u8>> {
    if is_hash(key) {
        return Some(key.to_vec());
    }
    if let Some((client, length)) = split(key) {
        let whole = address(client).map(IpNet::from);
        if let Some(client) = whole.filter(|client| number(length) == Some(client.prefix_len())) {
            return Some(triplet::client_text(client.addr()).into_bytes());
        }
    }
    if let Some((client, sender)) = split(key) {
        let is_pair = is_domain(client) && (sender.is_empty() || is_domain(sender));
        return is_pair.then(|| key.to_vec());
    }
    Some(triplet::client_text(address(key)?).into_bytes())
}

/// Returns true if a text is a registered domain in the form of keys: at least
/// two labels in lower case, the last of which is not a number.
fn is_domain(text: &[u8]) -> bool {
    let is_right =
        |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(byte);
    let mut labels = text.rsplit(|byte| *byte == b'.');
    let is_name = labels.clone().all(|label| !label.is_empty() && label.iter().all(is_right));
    let is_number = labels.next().is_some_and(|last| last.iter().all(u8::is_ascii_digit));
    is_name && !is_number && labels.next().is_some()
}

fn address(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Returns true if a key is one of those that `--privacy` makes.
fn is_hash(key: &[u8]) -> bool {
    key.len() == 40 && key.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "c974186930c76e3582e8b1141afe9bcdbba37856";

    /// The table and the key under which a row is kept.
    fn kept(table: Option<Table>, key: &str, value: &str) -> Result<(Table, String), String> {
        let (entry, _) = entry(table, key.as_bytes(), value.as_bytes(), &Policy::default())?;
        Ok((entry.table, String::from_utf8(entry.key).unwrap()))
    }

    #[test]
    fn triplets_of_every_version_get_the_key_of_this_one() {
        let table = [
            ("1.2.3.0/a@b/c@d", "1.2.3.0/a@b/c@d"),
            ("1.2.3.0/24/a@b/c@d", "1.2.3.0/a@b/c@d"),
            ("1.2.3.0/24//c@d", "1.2.3.0//c@d"),
            ("1.2.3.0/24/x/y@b/c/d@e", "1.2.3.0/x/y@b/c/d@e"),
            ("2001:db8:0:0:0:0:0:0/64/a@b/c@d", "2001:db8:0:0:0:0:0:0/a@b/c@d"),
            // Hosts keep theirs.
            ("1.2.3.4/32/a@b/c@d", "1.2.3.4/32/a@b/c@d"),
            ("2001:db8:0:0:0:0:0:1/128/a@b/c@d", "2001:db8:0:0:0:0:0:1/128/a@b/c@d"),
            // A sender that looks like a prefix length.
            ("1.2.3.0/24/c@d", "1.2.3.0/24/c@d"),
            ("1.2.3.0//c@d", "1.2.3.0//c@d"),
            ("1.2.3.0//", "1.2.3.0//"),
            ("2001:DB8:0:0:0:0:0:0/A@b/C@d", "2001:db8:0:0:0:0:0:0/a@b/c@d"),
            // 1.31 wrote the whole address, as the mail server spelled it, and of
            // clients in pools the whole IPv4 address.
            ("2001:db8::1/a@b/c@d", "2001:db8:0:0:0:0:0:0/a@b/c@d"),
            ("1.2.3.4/a@b/c@d", "1.2.3.0/a@b/c@d"),
            // 1.34 wrote the network with its length.
            ("2001:DB8::/64/a@b/c@d", "2001:db8:0:0:0:0:0:0/a@b/c@d"),
            ("2001:db8:1::/48/a@b/c@d", "2001:db8:1:0:0:0:0:0/a@b/c@d"),
            (HASH, HASH),
        ];
        for (theirs, ours) in table {
            let kept = kept(Some(Table::Triplets), theirs, "100,200");
            assert_eq!(kept, Ok((Table::Triplets, ours.to_string())), "{theirs}");
        }
    }

    #[test]
    fn clients_of_every_version_get_the_key_of_this_one() {
        let table = [
            ("1.2.3.4", "1.2.3.4"),
            ("2001:DB8:0:0:0:0:0:AB", "2001:DB8:0:0:0:0:0:AB"),
            ("2001:db8::ab", "2001:DB8:0:0:0:0:0:AB"),
            // 1.36 wrote the length.
            ("203.0.113.50/32", "203.0.113.50"),
            ("2001:db8::ab/128", "2001:DB8:0:0:0:0:0:AB"),
            ("a.example/b.example", "a.example/b.example"),
            ("a.example/", "a.example/"),
            (HASH, HASH),
        ];
        for (theirs, ours) in table {
            let kept = kept(Some(Table::Clients), theirs, "5,200");
            assert_eq!(kept, Ok((Table::Clients, ours.to_string())), "{theirs}");
        }
    }

    #[test]
    fn the_table_of_a_row_is_determined_by_key_and_value() {
        let table = [
            ("1.2.3.0/a@b/c@d", "1700000000,1700000000", Table::Triplets),
            ("1.2.3.4", "5,1700000000", Table::Clients),
            ("a.example/b.example", "5,1700000000", Table::Clients),
            ("a.example/", "5,1700000000", Table::Clients),
            ("a.example//c@d", "1700000000,1700000000", Table::Triplets),
            (HASH, "5,1700000000", Table::Clients),
            (HASH, "1700000000,1700000000", Table::Triplets),
        ];
        for (key, value, expected) in table {
            assert_eq!(kept(None, key, value).map(|(table, _)| table), Ok(expected), "{key}");
        }
    }

    #[test]
    fn empty_input_is_refused() {
        let long = format!("1.2.3.0/{}/c@d", "a".repeat(MAX_KEY_LENGTH));
        let table = [
            (None, "", "1,2", NO_KEY),
            (None, "a@b", "1,2", NO_KEY),
            (Some(Table::Triplets), "1.2.3.0/a@b", "1,2", NO_KEY),
            (Some(Table::Clients), "1.2.3.0/a@b/c@d", "1,2", NO_KEY),
            (Some(Table::Clients), "a.example", "1,2", NO_KEY),
            (Some(Table::Clients), "a.example/b@c.example", "1,2", NO_KEY),
            (Some(Table::Clients), "1.2.3.4/b.example", "1,2", NO_KEY),
            (Some(Table::Clients), "1.2.3.0/24", "1,2", NO_KEY),
            (None, &long, "1,2", LONG_KEY),
            (None, "1.2.3.0/a@b/c@d", "", NO_NUMBER),
            (None, "1.2.3.0/a@b/c@d", "abc,5", NO_NUMBER),
            (None, "1.2.3.4", "x", NO_NUMBER),
        ];
        for (table, key, value, refusal) in table {
            assert_eq!(kept(table, key, value), Err(refusal.to_owned()), "{key} {value}");
        }
    }
}
