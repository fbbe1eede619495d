//! The clock, and how times are written.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since the epoch; zero if the clock is before it.
pub fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

/// The date of an `X-Greylist` header, in local time with the zone's name:
/// `Mon, 23 Nov 2026 22:53:04 UTC` (BEHAVIOUR E4).
pub fn header_date() -> String {
    ZonedDateTime::now().strftime("%a, %d %b %Y %H:%M:%S %Z").to_string()
}

/// A moment in seconds since the epoch, in local time:
/// `2026-11-23 22:53:04`.
pub fn local(seconds: i64) -> String {
    let moment = Timestamp::from_second(seconds).unwrap_or_default();
    moment.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A moment as people write it, in seconds since the epoch: `1700000000`,
/// `2026-11-23 22:53[:04]` in local time, or with an offset as RFC 3339 has it.
pub fn parse(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.as_second());
    }
    let moment: DateTime = text.parse().ok()?;
    Some(TimeZone::system().to_timestamp(moment).ok()?.as_second())
}

/// The time in front of the log's first and last line:
/// `2026/11/23-22:53:04` (BEHAVIOUR C1).
pub fn log_stamp() -> String {
    ZonedDateTime::now().strftime("%Y/%m/%d-%H:%M:%S").to_string()
}
