//! Timestamps at the beginning of a line.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use memchr::memchr;

/// Bytes of a traditional timestamp, `Jun 20 10:00:00`.
pub(super) const TRADITIONAL: usize = 15;

/// Bytes of a traditional timestamp after the year, `2026 Jun 20 10:00:00`.
const YEAR_FIRST: usize = 20;

/// The time in seconds by which a line of this year may be in the future: a clock
/// may be wrong by a day, and no log is a year old.
const TOLERANCE: i64 = 86_400;

/// Bytes of a timestamp up to its whole second, `2026-11-25T10:00:00`.
const SECOND: usize = 19;

/// Reads timestamps; remembers the last one without its fraction.
pub(super) struct Clock {
    now: i64,
    second: Vec<u8>,
    offset: Vec<u8>,
    time: i64,
}

impl Clock {
    /// `now` in seconds since the epoch.
    pub(super) fn new(now: i64) -> Clock {
        Clock { now, second: Vec::new(), offset: Vec::new(), time: 0 }
    }

    /// The moment in seconds since the epoch, and what follows it.
    pub(super) fn parse<'l>(&mut self, line: &'l [u8]) -> Option<(i64, &'l [u8])> {
        let (stamp, rest) = line.split_at_checked(stamp_length(line)?)?;
        let (second, offset) = stamp.split_at(stamp.len().min(SECOND));
        let offset = without_fraction(offset);
        if second != self.second || offset != self.offset {
            self.time = parse(stamp, self.now)?;
            self.second = second.to_vec();
            self.offset = offset.to_vec();
        }
        Some((self.time, rest))
    }
}

/// `+01:00` of `.123456+01:00`.
fn without_fraction(text: &[u8]) -> &[u8] {
    let digits = text.strip_prefix(b".").unwrap_or(&[]);
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    if digits.is_empty() { text } else { &digits[end..] }
}

/// Returns the length of the timestamp that a line starts with, if it has one.
pub(super) fn stamp_length(line: &[u8]) -> Option<usize> {
    let has_year = line.len() > YEAR_FIRST && line[..4].iter().all(u8::is_ascii_digit);
    if !has_year {
        return Some(TRADITIONAL);
    }
    match line[4] {
        b' ' => Some(YEAR_FIRST),
        // A blank may replace the T.
        b'-' if line[10] == b' ' && line[13] == b':' => Some(11 + memchr(b' ', &line[11..])?),
        b'-' => memchr(b' ', line),
        _ => None,
    }
}

/// Returns the moment of a timestamp in seconds since the epoch.
fn parse(stamp: &[u8], now: i64) -> Option<i64> {
    let text = std::str::from_utf8(stamp).ok()?;
    match stamp.len() {
        TRADITIONAL => traditional(text, now),
        YEAR_FIRST if stamp[4] == b' ' => with_year(text),
        _ => iso(text),
    }
}

/// As syslog and `journalctl -o short-iso` write it; local time without an
/// offset.
fn iso(text: &str) -> Option<i64> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.as_second());
    }
    local(text.parse().ok()?)
}

/// `Jun 20 10:00:00`, local time of the last year in which it is not in the
/// future.
fn traditional(text: &str, now: i64) -> Option<i64> {
    let this_year = Timestamp::from_second(now).ok()?.to_zoned_datetime(TimeZone::system()).year();
    // The 29th of February is in one of the last eight years.
    let mut times = (0..8).filter_map(|ago| with_year(&format!("{} {text}", this_year - ago)));
    times.find(|time| *time <= now + TOLERANCE)
}

/// `2026 Jun 20 10:00:00`, local time.
fn with_year(text: &str) -> Option<i64> {
    local(DateTime::strptime("%Y %b %e %H:%M:%S", text).ok()?)
}

fn local(moment: DateTime) -> Option<i64> {
    Some(TimeZone::system().to_timestamp(moment).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_ends_within_a_log() {
        // 2027-01-02 12:00:00 UTC.
        let mut clock = Clock::new(1_798_891_200);
        let times = ["Dec 31 23:59:50", "Jan  1 00:05:00", "Jan  2 11:00:00"]
            .map(|text| clock.parse(text.as_bytes()).unwrap_or_else(|| panic!("{text}")).0);
        assert_eq!(times.map(|time| time - times[2]), [-126_010, -125_700, 0]);
    }

    #[test]
    fn a_repeated_second_is_parsed_once() {
        let mut clock = Clock::new(1_795_608_000);
        for (text, time) in [
            ("2026-11-25T11:00:00.123456+01:00 a", 1_795_600_800),
            ("2026-11-25T11:00:00.923456+01:00 b", 1_795_600_800),
            ("2026-11-25T11:00:00+02:00 c", 1_795_597_200),
            ("2026-11-25T11:00:00.5Z d", 1_795_604_400),
            ("2026-11-25T11:00:01.5Z e", 1_795_604_401),
        ] {
            let (read, rest) = clock.parse(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((read, rest), (time, &text.as_bytes()[text.len() - 2..]), "{text}");
        }
        assert_eq!(clock.parse(b"2026-11-25T11:00:61Z "), None);
        assert_eq!(clock.parse(b""), None);
    }

    #[test]
    fn a_time_without_a_year_is_the_latest_past_one() {
        let now = 1_795_608_000;
        for (text, days_ago) in
            [("Nov 25 09:00:00", 0), ("Nov 27 23:00:00", 363), ("Jan  1 00:00:00", 328)]
        {
            let time = traditional(text, now).unwrap_or_else(|| panic!("{text}"));
            let days = (now - time + 43_200) / 86_400;
            assert!((days - days_ago).abs() <= 1, "{text}: {days}");
        }
        assert!(traditional("Feb 29 10:00:00", now).is_some());
        for wrong in ["Feb 30 10:00:00", "Nov 25 10-00:00", "Nov 25 25:00:00"] {
            assert_eq!(traditional(wrong, now), None, "{wrong}");
        }
    }
}
