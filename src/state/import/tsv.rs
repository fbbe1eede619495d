//! Tab-separated triplets: client, sender, recipient, first time, last time.
//!
//! Any greylisting program can be imported this way: postgrey-migration(7) has
//! the queries that print its rows so.

use super::Import;
use super::entry::{LONG_KEY, triplet_entry};
use crate::greylist::Policy;
use crate::greylist::edit::Edit;
use crate::greylist::filter::bare_address;
use crate::state::TripletRecord;
use crate::state::text_lines::{LineEnd, TextLine};
use ipnet::IpNet;
use std::net::IpAddr;

/// Returns true if a text begins with a line of triplets or an empty one.
pub fn is_tsv(start: &[u8]) -> bool {
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    fields(line).is_some_and(|[client, ..]| network(client).is_some())
}

/// Imports a line of triplets.
pub fn line(import: &mut Import<'_>, number: u64, line: TextLine<'_>) {
    let entry = match line.end {
        LineEnd::TooLong => Err(LONG_KEY.to_owned()),
        _ => entry(line.bytes, import.policy),
    };
    match entry {
        Ok(entry) => {
            import.report.has_made_keys = true;
            import.entry(entry);
        }
        Err(why) => import.report.refuse(format!("line {number}").as_bytes(), &why),
    }
}

fn fields(line: &[u8]) -> Option<[&[u8]; 5]> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.split(|byte| *byte == b'\t').collect::<Vec<_>>().try_into().ok()
}

fn entry(line: &[u8], policy: &Policy) -> Result<Edit, String> {
    const NO_FIELDS: &str = "does not have the fields client, sender, recipient, first, last";
    let [client, sender, recipient, first, last] = fields(line).ok_or(NO_FIELDS)?;
    let client = network(client).ok_or("has an invalid client")?;
    let recipient = Some(bare_address(recipient)).filter(|recipient| !recipient.is_empty());
    let recipient = recipient.ok_or("has an invalid recipient")?;
    let first = seconds(first).ok_or("has an invalid first time")?;
    let last = seconds(last).ok_or("has an invalid last time")?.max(first);
    let record = TripletRecord { first, last };
    triplet_entry(policy, client, bare_address(sender), recipient, record)
}

/// Seconds since 1970; a fraction is cut off.
fn seconds(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = fraction.bytes().all(|byte| byte.is_ascii_digit());
    whole.parse().ok().filter(|seconds| is_number && *seconds >= 0)
}

/// An address, a network with its length, or as sqlgrey writes a network: the
/// first three numbers of an IPv4 address or four groups of an IPv6 one.
fn network(text: &[u8]) -> Option<IpNet> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.into());
    }
    if text.contains('/') {
        return text.parse().ok();
    }
    if let Ok(network) = format!("{text}.0/24").parse() {
        return Some(network);
    }
    let is_half = text.split(':').count() == 4 && !text.contains("::");
    format!("{text}::/64").parse().ok().filter(|_| is_half)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        network(text.as_bytes()).map(|network| network.to_string())
    }

    #[test]
    fn clients_are_addresses_or_networks() {
        for (text, expected) in [
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("192.0.2.0/24", Some("192.0.2.0/24")),
            ("192.0.2", Some("192.0.2.0/24")),
            ("2001:db8::1", Some("2001:db8::1/128")),
            ("2001:db8::/64", Some("2001:db8::/64")),
            ("2001:0db8:0000:0001", Some("2001:db8:0:1::/64")),
            ("192.0.2.0/33", None),
            ("192.0", None),
            ("client", None),
            ("NULL", None),
            ("", None),
        ] {
            assert_eq!(shown(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn times_are_whole_seconds() {
        for (text, expected) in [
            ("1700000000", Some(1_700_000_000)),
            ("1700000000.25", Some(1_700_000_000)),
            ("-1", None),
            ("2023-11-14 22:13:20", None),
            ("NULL", None),
            ("", None),
        ] {
            assert_eq!(seconds(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_text_of_triplets_is_recognized_by_its_first_line() {
        assert!(is_tsv(b"192.0.2.7\ta@b\tc@d\t1\t2\n192.0"));
        assert!(is_tsv(b"192.0.2.7\t\tc@d\t1\t2"));
        for text in ["", "\n", "192.0.2.7 a@b c@d 1 2", "VERSION=3\n", "src\ta\tb\tc\td\n"] {
            assert!(!is_tsv(text.as_bytes()), "{text}");
        }
    }
}
