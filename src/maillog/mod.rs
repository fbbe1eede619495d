//! Lines of a mail log: time, program and text. Known are syslog files with
//! traditional or ISO timestamps and those of RFC 5424, the output of
//! `journalctl` with `-o short`, `short-iso` and `json`, and logs of containers.

mod decision;
mod input;
mod journal;
mod object;
mod prefix;
mod queue;
mod reject;
mod time;

pub use decision::LoggedDecision;
pub use input::{Inputs, complain, reason};
use memchr::{memchr, memmem};
pub use object::classic_line;
pub use queue::{bracketed, queued};
pub use reject::{Reject, address_in_brackets, address_of, client, unquoted};
use std::borrow::Cow;
use time::Clock;

/// The complaint about a log of which no line can be read.
pub const UNKNOWN_FORMAT: &str = "no line of the log is in a known format: syslog, RFC 5424, or \
                                  journalctl -o short-iso or json";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'l> {
    /// In seconds since the epoch.
    pub time: i64,
    /// The program that wrote it, such as `postfix/smtpd`, without its process
    /// id.
    pub program: Cow<'l, [u8]>,
    pub text: Cow<'l, [u8]>,
}

/// Parses a line without its newline. `now`, in seconds since the epoch, implies
/// the year of timestamps without one.
#[must_use]
pub fn parse(line: &[u8], now: i64) -> Option<Line<'_>> {
    LogReader::new(now).line(line)
}

/// Reads many lines, most of which are of the same second as the one before.
pub struct LogReader {
    clock: Clock,
    /// The time of the last line that has one.
    last: Option<i64>,
}

impl LogReader {
    /// Creates a reader for a log that is read at `now`, in seconds since the
    /// epoch.
    #[must_use]
    pub fn new(now: i64) -> LogReader {
        LogReader { clock: Clock::new(now), last: None }
    }

    /// Reads a line as [`parse`] does. A decision that the daemon logged in JSON
    /// is returned in words.
    pub fn line<'l>(&mut self, line: &'l [u8]) -> Option<Line<'l>> {
        let mut read = self.line_as_it_is(line)?;
        if let Some(words) = object::classic(&read.text) {
            read.text = words.into();
        }
        Some(read)
    }

    fn line_as_it_is<'l>(&mut self, line: &'l [u8]) -> Option<Line<'l>> {
        if line.first() == Some(&b'{') {
            return journal::parse(line).or_else(|| self.without_time(line));
        }
        let line = prefix::without_container(line);
        let (line, is_rfc5424) = prefix::without_priority(line);
        let Some((time, rest)) = self.clock.parse(line) else {
            return self.without_time(line);
        };
        self.last = Some(time);
        if is_rfc5424 {
            let (program, text) = prefix::split_rfc5424(rest)?;
            return Some(Line { time, program: program.into(), text: text.into() });
        }
        let rest = rest.trim_ascii_start();
        // The time of a container's log may stand before a line of syslog.
        match self.clock.parse(rest) {
            Some((time, rest)) => after_time(time, rest.trim_ascii_start()),
            None => after_time(time, rest),
        }
    }

    /// Reads a line that a program wrote without a time, as in a container. It
    /// has the time of the line before.
    fn without_time<'l>(&self, line: &'l [u8]) -> Option<Line<'l>> {
        let time = self.last?;
        of_daemon(time, line).or_else(|| {
            let is_known = line.starts_with(b"postfix") || line.starts_with(b"postgrey");
            is_known.then(|| of_program(time, line)).flatten()
        })
    }
}

/// Reads what follows the time: a host, a program and a text, of which a
/// container's log may lack the first or the first two.
fn after_time(time: i64, rest: &[u8]) -> Option<Line<'_>> {
    let rest = prefix::without_facility(rest);
    if let Some(line) = of_daemon(time, rest) {
        return Some(line);
    }
    let host_end = memchr(b' ', rest)?;
    if rest[..host_end].ends_with(b"]:") {
        return of_program(time, rest);
    }
    of_program(time, rest[host_end..].trim_ascii_start())
}

fn of_program(time: i64, rest: &[u8]) -> Option<Line<'_>> {
    let colon = memmem::find(rest, b": ").or_else(|| rest.len().checked_sub(1))?;
    let program = without_number(&rest[..colon]);
    let text = rest.get(colon + 2..).unwrap_or_default();
    (!program.is_empty()).then_some(Line { time, program: program.into(), text: text.into() })
}

/// Reads a decision as the daemon writes it to standard error.
fn of_daemon(time: i64, text: &[u8]) -> Option<Line<'_>> {
    let text = prefix::without_container(text);
    let after_id = queue::queued(text).map_or(text, |(_, rest)| rest.trim_ascii_start());
    let is_decision = after_id.starts_with(b"action=") || object::is_decision(text);
    is_decision.then(|| Line { time, program: b"postgrey".into(), text: text.into() })
}

/// Returns the timestamp of a line as it is written.
#[must_use]
pub fn stamp(line: &[u8]) -> &[u8] {
    let (line, _) = prefix::without_priority(prefix::without_container(line));
    &line[..time::stamp_length(line).unwrap_or(time::TRADITIONAL).min(line.len())]
}

/// Returns the number of repetitions of the previous line, if a line says so.
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
    fn iso_lines_are_read_with_all_forms_of_offsets() {
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
    fn every_form_of_syslog_is_read() {
        let traditional = assert_time("Nov 25 10:00:00");
        for (before, host) in [
            ("Nov 25 10:00:00 ", "mx "),
            ("Nov 25 10:00:00 ", "<mail.info> mx "),
            ("<22>Nov 25 10:00:00 ", "mx "),
            ("2026 Nov 25 10:00:00 ", "mx "),
            ("2026-11-25 10:00:00 ", "mx "),
            ("2026-11-25 10:00:00.123 ", "mx "),
            ("mailserver  | Nov 25 10:00:00 ", "mx "),
            ("mail_1 | 2026-11-25T01:00:00Z Nov 25 10:00:00 ", "mx "),
            ("Nov 25 10:00:00 ", ""),
        ] {
            let line = format!("{before}{host}postfix/smtpd[12]: NOQUEUE: reject: \"x\"");
            assert_read(&line, traditional);
        }
        for data in ["-", "[a b=\"c\"]", "[a b=\"c\"][d]"] {
            let rfc5424 = "<22>1 2026-11-25T11:00:00.123+01:00 mx postfix/smtpd 12 -";
            assert_read(&format!("{rfc5424} {data} NOQUEUE: reject: \"x\""), NOW - 7200);
            assert_read(&format!("{rfc5424} {data} \u{feff}NOQUEUE: reject: \"x\""), NOW - 7200);
        }
    }

    fn assert_time(stamp: &str) -> i64 {
        parse(format!("{stamp} mx a: b").as_bytes(), NOW).expect(stamp).time
    }

    #[test]
    fn a_line_without_a_time_has_that_of_the_line_before() {
        let decision = "action=greylist, reason=new, client_address=192.0.2.1, recipient=a@b";
        let json = "{\"action\":\"greylist\",\"reason\":\"new\",\"recipient\":\"a@b\"}";
        let lines = [
            decision.to_owned(),
            format!("postgrey-1  | {decision}"),
            format!("postgrey-1  | 4F2A: {decision}"),
            format!("postgrey[7]: {decision}"),
            json.to_owned(),
            format!("postgrey-1 | {json}"),
        ];
        for line in lines {
            let mut reader = LogReader::new(NOW);
            assert_eq!(reader.line(line.as_bytes()), None, "{line}");
            let before = reader.line(b"mx-1  | 2026-11-25T10:00:00Z mx postfix/smtpd[1]: connect");
            let read = reader.line(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(
                (Some(read.time), &*read.program),
                (before.map(|it| it.time), &b"postgrey"[..])
            );
        }
        let stamped = format!("postgrey-1 | 2026-11-25T10:00:00.5Z {decision}");
        let read = parse(stamped.as_bytes(), NOW).expect("a line");
        assert_eq!((read.time, &*read.text), (NOW - 7200, decision.as_bytes()));
    }

    #[test]
    fn other_lines_are_not_parsed() {
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
