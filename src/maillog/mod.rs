//! Lines of a mail log: when, which program, what. Read are the files of
//! syslog with traditional or ISO timestamps, and what `journalctl` prints
//! with `-o short`, `short-iso` and `json`.

mod decision;
mod journal;
mod object;
mod reject;
mod time;

pub use decision::Decision;
use memchr::{memchr, memmem};
pub use object::classic_line;
pub use reject::{Reject, Rejects, address_in_brackets, address_of, client, unquoted};
use std::borrow::Cow;
use time::Clock;

/// A line of a log, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'l> {
    /// When, in seconds since the epoch.
    pub time: i64,
    /// The program that wrote it, such as `postfix/smtpd`, without its number.
    pub program: Cow<'l, [u8]>,
    /// What it wrote.
    pub text: Cow<'l, [u8]>,
}

/// Reads a line, without its newline; none if it is none of a log. `now`, in
/// seconds since the epoch, tells the year of timestamps without one.
#[must_use]
pub fn parse(line: &[u8], now: i64) -> Option<Line<'_>> {
    Reader::new(now).line(line)
}

/// Reads many lines, most of which are of the same second as the one before.
pub struct Reader(Clock);

impl Reader {
    /// For a log that is read at `now`, in seconds since the epoch.
    #[must_use]
    pub fn new(now: i64) -> Reader {
        Reader(Clock::new(now))
    }

    /// Reads a line as [`parse`] does. What the daemon said in JSON is told in
    /// words.
    pub fn line<'l>(&mut self, line: &'l [u8]) -> Option<Line<'l>> {
        let mut read = self.line_as_it_is(line)?;
        if let Some(words) = object::classic(&read.text) {
            read.text = words.into();
        }
        Some(read)
    }

    fn line_as_it_is<'l>(&mut self, line: &'l [u8]) -> Option<Line<'l>> {
        if line.first() == Some(&b'{') {
            return journal::parse(line);
        }
        let (time, rest) = self.0.parse(line)?;
        behind_time(time, rest)
    }
}

fn behind_time(time: i64, rest: &[u8]) -> Option<Line<'_>> {
    // Behind the timestamp stands the host, and then the program.
    let rest = rest.trim_ascii_start();
    let rest = rest[memchr(b' ', rest)?..].trim_ascii_start();
    let colon = memmem::find(rest, b": ").or_else(|| rest.len().checked_sub(1))?;
    let program = without_number(&rest[..colon]);
    let text = rest.get(colon + 2..).unwrap_or_default();
    (!program.is_empty()).then_some(Line { time, program: program.into(), text: text.into() })
}

/// How often the line before was written once more, if a line says so.
#[must_use]
pub fn repetitions(line: &[u8]) -> Option<usize> {
    const SIGNS: [&[u8]; 2] = [b"last message repeated ", b"above message repeats "];
    let (at, sign) = SIGNS.iter().find_map(|sign| Some((memmem::find(line, sign)?, sign)))?;
    let digits = &line[at + sign.len()..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

/// `postfix/smtpd` of `postfix/smtpd[1234]`.
fn without_number(program: &[u8]) -> &[u8] {
    let inner = program.strip_suffix(b"]");
    match inner.and_then(|inner| Some((inner, inner.iter().rposition(|&byte| byte == b'[')?))) {
        Some((inner, bracket)) => &inner[..bracket],
        None => program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-25 12:00:00 UTC.
    const NOW: i64 = 1_795_608_000;

    fn assert_read(line: &str, time: i64) {
        let read = parse(line.as_bytes(), NOW).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(read.program.as_ref(), b"postfix/smtpd", "{line}");
        assert_eq!(read.text.as_ref(), b"NOQUEUE: reject: \"x\"", "{line}");
        assert_eq!(read.time, time, "{line}");
    }

    #[test]
    fn iso_lines_are_read_whatever_their_offset_looks_like() {
        for time in [
            "2026-11-25T11:00:00.123456+01:00",
            "2026-11-25T11:00:00+01:00",
            "2026-11-25T11:00:00+0100",
            "2026-11-25T10:00:00Z",
        ] {
            assert_read(
                &format!("{time} mx postfix/smtpd[12]: NOQUEUE: reject: \"x\""),
                NOW - 7200,
            );
        }
    }

    #[test]
    fn the_journal_is_read_as_json() {
        let fields = format!(
            "\"__REALTIME_TIMESTAMP\":\"{}000001\",\"SYSLOG_IDENTIFIER\":\"postfix/smtpd\"",
            NOW - 5
        );
        let text = "NOQUEUE: reject: \\\"x\\\"";
        assert_read(&format!("{{{fields},\"MESSAGE\":\"{text}\",\"PRIORITY\":\"6\"}}"), NOW - 5);
        let bytes: Vec<String> = b"NOQUEUE: reject: \"x\"".iter().map(u8::to_string).collect();
        assert_read(&format!("{{{fields},\"MESSAGE\":[{}]}}", bytes.join(",")), NOW - 5);
    }

    #[test]
    fn other_lines_are_none() {
        for line in ["", "{", "{}", "hello world", "Nov 25", "Foo 25 10:00:00 mx a: b", "\u{e9}"] {
            assert_eq!(parse(line.as_bytes(), NOW), None, "{line}");
        }
    }

    #[test]
    fn repetitions_are_counted() {
        let line = b"Nov 25 10:00:00 mx last message repeated 12 times";
        assert_eq!(repetitions(line), Some(12));
        assert_eq!(repetitions(b"Nov 25 10:00:00 mx postfix/smtpd[1]: hello"), None);
    }
}
