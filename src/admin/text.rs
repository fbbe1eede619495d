//! Text for terminals: 80 columns, local time.

use crate::cli::FilePlace;
use crate::cli::layout::wrap;
use crate::daemon::clock;
use crate::greylist::Policy;
use crate::json::Object;
use crate::printable::printable;
use ipnet::IpNet;
use std::net::IpAddr;

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 86_400;

/// A time and its distance from `now`, both in seconds since the epoch:
/// `2026-11-23 22:53:04 (in 4 min 10 s)`.
pub fn moment(seconds: i64, now: i64) -> String {
    let distance = duration(seconds.abs_diff(now));
    let time = clock::local(seconds);
    if seconds > now {
        format!("{time} (in {distance})")
    } else {
        format!("{time} ({distance} ago)")
    }
}

pub fn duration(seconds: u64) -> String {
    let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s")];
    let at = units.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(units.len() - 1);
    let (unit, name) = units[at];
    let text = format!("{} {name}", seconds / unit);
    match units.get(at + 1) {
        Some((smaller, name)) if seconds % unit >= *smaller => {
            format!("{text} {} {name}", seconds % unit / smaller)
        }
        _ => text,
    }
}

/// A number with commas: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes: `12.3 MiB`.
pub fn bytes(number: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(unit, _)| number >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", number as f64 / *unit as f64),
        None => format!("{number} bytes"),
    }
}

/// A number and its noun: `1 entry`, `1,234 entries`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// Escapes bytes from elsewhere that would control a terminal.
pub fn foreign(bytes: &[u8]) -> String {
    printable(&String::from_utf8_lossy(bytes))
}

/// `FILE:LINE`, as compilers write it and editors understand it.
pub fn place(FilePlace { file, line }: &FilePlace) -> String {
    let file = foreign(file.as_os_str().as_encoded_bytes());
    line.map_or(file.clone(), |line| format!("{file}:{line}"))
}

/// Adds a file and its line to an object.
pub fn with_place(object: Object, FilePlace { file, line }: &FilePlace) -> Object {
    let object = object.text("file", file.as_os_str().as_encoded_bytes());
    match line {
        Some(line) => object.number("line", *line),
        None => object,
    }
}

/// The client in the key of a triplet: its network with the length, its
/// address, or its domain.
pub fn client(policy: &Policy, client: &[u8]) -> String {
    match parsed(client) {
        Some(address) => network(policy, address),
        None => foreign(client),
    }
}

/// The network that stands for an address in the keys of triplets.
pub fn network(policy: &Policy, address: IpAddr) -> String {
    match IpNet::new(address, policy.lookup_by.bits(address)) {
        Ok(network) if network.prefix_len() < network.max_prefix_len() => {
            network.trunc().to_string()
        }
        _ => address.to_string(),
    }
}

/// The client in a key of the auto-whitelist: its address or its domain.
pub fn single_client(client: &[u8]) -> String {
    parsed(client).map_or_else(|| foreign(client), |address| address.to_string())
}

fn parsed(client: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(client).ok()?.parse().ok()
}

/// A mail address; `<>` for bounces.
pub fn address(bytes: &[u8]) -> String {
    if bytes.is_empty() { "<>".to_owned() } else { foreign(bytes) }
}

/// A label and its text; the text is wrapped in its column.
pub fn labelled(label: &str, text: &str) -> String {
    const COLUMN: usize = 12;
    let label = format!("{label:<COLUMN$}");
    let indent = " ".repeat(COLUMN);
    wrap(text, &label, &indent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_their_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (250, "4 min 10 s"),
            (3600, "1 h"),
            (3605, "1 h"),
            (86_399, "23 h 59 min"),
            (3_024_000, "35 d"),
            (3_030_000, "35 d 1 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn numbers_are_easy_to_read() {
        let table = [(0, "0"), (999, "999"), (1000, "1,000"), (5_000_000, "5,000,000")];
        assert_eq!(table.map(|(number, _)| grouped(number)), table.map(|(_, text)| text));
        assert_eq!(bytes(512), "512 bytes");
        assert_eq!(bytes(851_968 * 1000), "812.5 MiB");
    }

    #[test]
    fn foreign_bytes_do_not_steer_the_terminal() {
        assert_eq!(foreign("a\u{9b}2Jb\u{202e}c".as_bytes()), "a\\u{9b}2Jb\\u{202e}c");
        assert_eq!(foreign(b"a\x1b[2Jb\n\xff"), "a\\u{1b}[2Jb\\n\u{fffd}");
        assert_eq!(address(b""), "<>");
    }

    #[test]
    fn nouns_agree_with_their_numbers() {
        let entries = |number| counted(number, "entry", "entries");
        assert_eq!([0, 1, 2000].map(entries), ["0 entries", "1 entry", "2,000 entries"]);
    }

    #[test]
    fn clients_are_networks_with_their_length_and_short_addresses() {
        let policy = Policy::default();
        for (key, text) in [
            ("192.0.2.0", "192.0.2.0/24"),
            ("2001:db8:0:0:0:0:0:0", "2001:db8::/64"),
            ("pool.test", "pool.test"),
        ] {
            assert_eq!(client(&policy, key.as_bytes()), text);
        }
        assert_eq!(single_client(b"2001:db8:0:0:0:0:0:1"), "2001:db8::1");
    }

    #[test]
    fn long_texts_are_broken_in_their_column() {
        let text = labelled("Next", "word ".repeat(20).trim_end());
        assert_eq!(
            text,
            format!(
                "Next        {}\n            {}\n",
                "word ".repeat(13).trim_end(),
                "word ".repeat(7).trim_end()
            )
        );
    }
}
