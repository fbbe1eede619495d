//! Times as databases write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Reads seconds since the epoch, as SQLite has them, or a date with a time of
/// day, `2004-08-15 12:00:00`, to the second. Without a zone (`+02`) it is in
/// UTC or in this machine's zone.
pub fn parse(text: &[u8], is_utc: bool) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.as_second());
    }
    let zone = if is_utc { TimeZone::UTC } else { TimeZone::system() };
    Some(zone.to_timestamp(text.parse::<DateTime>().ok()?).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_each_database_are_read() {
        for (text, seconds) in [
            ("1092571200", 1_092_571_200),
            ("2004-08-15 12:00:00", 1_092_571_200),
            ("2004-08-15 12:00:00.987654", 1_092_571_200),
            ("2004-08-15 14:00:00+02", 1_092_571_200),
            ("2004-08-15 14:00:00.5+02:00", 1_092_571_200),
        ] {
            assert_eq!(parse(text.as_bytes(), true), Some(seconds), "{text}");
        }
        for text in ["", "yesterday", "0000-00-00 00:00:00", "2004-13-01 00:00:00", "\u{fffd}"] {
            assert_eq!(parse(text.as_bytes(), true), None, "{text}");
        }
        assert_eq!(parse(b"\xff", true), None);
    }
}
