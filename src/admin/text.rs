//! How things are written for people: within 80 columns, in local time.

use crate::daemon::clock;

/// Columns of a terminal.
pub const WIDTH: usize = 80;

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 86_400;

/// A moment and how far from `now` it is, both in seconds since the epoch:
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

/// A time in its two largest units.
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

/// Foreign bytes, which must not steer a terminal.
pub fn foreign(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for character in String::from_utf8_lossy(bytes).chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

/// A mail address, which of bounces is empty.
pub fn address(bytes: &[u8]) -> String {
    if bytes.is_empty() { "<>".to_owned() } else { foreign(bytes) }
}

/// A label and what it is about; the text is broken into lines in its column.
pub fn labelled(label: &str, text: &str) -> String {
    const COLUMN: usize = 12;
    let mut lines = String::new();
    let mut line = format!("{label:<COLUMN$}");
    let mut is_empty = true;
    for word in text.split(' ') {
        if !is_empty && line.len() + 1 + word.len() > WIDTH {
            lines += line.trim_end();
            lines.push('\n');
            line = " ".repeat(COLUMN);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines + line.trim_end() + "\n"
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
        assert_eq!(foreign(b"a\x1b[2Jb\n\xff"), "a\\u{1b}[2Jb\\n\u{fffd}");
        assert_eq!(address(b""), "<>");
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
