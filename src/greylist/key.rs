//! Splits the key of a triplet into its parts, for display.
//!
//! Client, sender and recipient are joined by slashes, and may contain slashes
//! themselves. The split is the one that mail addresses suggest.

use memchr::memchr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'key> {
    /// The address of the client or its network, without the length of a
    /// prefix.
    pub client: &'key [u8],
    /// The sender, empty for bounces.
    pub sender: &'key [u8],
    pub recipient: &'key [u8],
}

/// The parts of a key; none of one that is a hash (`--privacy`) or nothing that
/// this program makes.
pub fn parts(key: &[u8]) -> Option<Parts<'_>> {
    let (client, rest) = split(key)?;
    let rest = without_prefix_length(rest);
    let end = end_of_sender(rest)?;
    Some(Parts { client, sender: &rest[..end], recipient: &rest[end + 1..] })
}

/// Splits at the first slash. Keys of the auto-whitelist that have one are two domains,
/// that of clients and that of senders.
pub fn split(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = memchr(b'/', key)?;
    Some((&key[..slash], &key[slash + 1..]))
}

/// Removes the prefix length that follows the address in keys of single hosts and
/// of old versions.
fn without_prefix_length(rest: &[u8]) -> &[u8] {
    let is_length =
        |text: &[u8]| matches!(text.len(), 1..=3) && text.iter().all(u8::is_ascii_digit);
    match split(rest) {
        Some((length, addresses)) if is_length(length) && addresses.contains(&b'/') => addresses,
        _ => rest,
    }
}

/// A sender's domain has no slash. A sender without a domain has none either,
/// unless there are two domains behind it.
fn end_of_sender(rest: &[u8]) -> Option<usize> {
    let slash = memchr(b'/', rest)?;
    let Some(at) = memchr(b'@', rest) else {
        return Some(slash);
    };
    let behind = at + 1;
    let is_of_sender = slash != 0 && at > slash && memchr(b'@', &rest[behind..]).is_some();
    if is_of_sender { memchr(b'/', &rest[behind..]).map(|end| behind + end) } else { Some(slash) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fall_into_their_parts() {
        for (key, client, sender, recipient) in [
            ("192.0.2.0/a@b.test/c@d.test", "192.0.2.0", "a@b.test", "c@d.test"),
            ("192.0.2.7/32/a@b.test/c@d.test", "192.0.2.7", "a@b.test", "c@d.test"),
            ("192.0.2.0/24/a@b.test/c@d.test", "192.0.2.0", "a@b.test", "c@d.test"),
            ("2001:db8:0:0:0:0:0:0/a@b.test/c", "2001:db8:0:0:0:0:0:0", "a@b.test", "c"),
            ("2001:db8:0:0:0:0:0:1/128//c@d", "2001:db8:0:0:0:0:0:1", "", "c@d"),
            ("192.0.2.0//c@d.test", "192.0.2.0", "", "c@d.test"),
            ("192.0.2.0//c/c@d.test", "192.0.2.0", "", "c/c@d.test"),
            ("192.0.2.0/root/c@d.test", "192.0.2.0", "root", "c@d.test"),
            ("192.0.2.0/24/c@d.test", "192.0.2.0", "24", "c@d.test"),
            ("192.0.2.0/a/b@c.test/d@e.test", "192.0.2.0", "a/b@c.test", "d@e.test"),
            ("192.0.2.0/a@b.test/c/d@e.test", "192.0.2.0", "a@b.test", "c/d@e.test"),
        ] {
            let [client, sender, recipient] = [client, sender, recipient].map(str::as_bytes);
            let expected = Parts { client, sender, recipient };
            assert_eq!(parts(key.as_bytes()), Some(expected), "{key}");
        }
    }

    #[test]
    fn a_hash_has_no_parts() {
        for key in ["", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "192.0.2.0/a@b.test"] {
            assert_eq!(parts(key.as_bytes()), None, "{key}");
        }
    }
}
