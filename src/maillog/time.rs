//! Timestamps at the beginning of a line.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use memchr::memchr;

const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// Bytes of a traditional timestamp, `Jun 20 10:00:00`.
const TRADITIONAL: usize = 15;

/// How far in the future, in seconds, a line of this year may seem to be: a
/// clock goes wrong by a day before a log is a year old.
const TOLERANCE: i64 = 86_400;

/// The moment in seconds since the epoch, and what follows it.
pub(super) fn parse(line: &[u8], now: i64) -> Option<(i64, &[u8])> {
    let is_iso = line.len() > 10 && line[..4].iter().all(u8::is_ascii_digit) && line[4] == b'-';
    if is_iso {
        let end = memchr(b' ', line)?;
        return Some((iso(std::str::from_utf8(&line[..end]).ok()?)?, &line[end..]));
    }
    let time = std::str::from_utf8(line.get(..TRADITIONAL)?).ok()?;
    Some((traditional(time, now)?, &line[TRADITIONAL..]))
}

/// As syslog and `journalctl -o short-iso` write it; local time without an
/// offset.
fn iso(text: &str) -> Option<i64> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.as_second());
    }
    local(text.parse().ok()?)
}

/// `Jun 20 10:00:00`, local time of the last year in which it is no future.
fn traditional(text: &str, now: i64) -> Option<i64> {
    let bytes = text.as_bytes();
    let month = MONTHS.chunks(3).position(|month| month == &bytes[..3])?;
    let number = |from: usize| text.get(from..from + 2)?.trim_start().parse::<i8>().ok();
    let has_signs =
        [3, 6].iter().all(|&at| bytes[at] == b' ') && bytes[9] == b':' && bytes[12] == b':';
    if !has_signs {
        return None;
    }
    let month = i8::try_from(month + 1).ok()?;
    let (day, hour, minute, second) = (number(4)?, number(7)?, number(10)?, number(13)?);
    let of_year =
        |year: i16| local(DateTime::new(year, month, day, hour, minute, second.min(59), 0).ok()?);
    let this_year = Timestamp::from_second(now).ok()?.to_zoned_datetime(TimeZone::system()).year();
    // The 29th of February is in one of the last eight years.
    (0..8).filter_map(|ago| of_year(this_year - ago)).find(|&time| time <= now + TOLERANCE)
}

fn local(moment: DateTime) -> Option<i64> {
    Some(TimeZone::system().to_timestamp(moment).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_year_is_the_last_one_that_is_no_future() {
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
