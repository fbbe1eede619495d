//! The fields of a line from smtpd, in the order of its protocol version.

/// Since this version, the result precedes the address in `tx-mail`.
const RESULT_BEFORE_ADDRESS: Version = Version(0, 6);

/// Since this version, the result precedes the user name in `link-auth`.
const RESULT_BEFORE_USER: Version = Version(0, 7);

/// A protocol version, major and minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u16, u16);

/// A line, as far as all events have the same fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A setting of smtpd; the last one is `ready`.
    Config(&'a [u8]),
    Report {
        version: Version,
        event: &'a [u8],
        session: u64,
        arguments: &'a [u8],
    },
    /// A request that smtpd holds until it gets a result.
    Request {
        phase: &'a [u8],
        session: u64,
        token: u64,
        argument: &'a [u8],
    },
}

/// Parses a line. Returns `None` if it is malformed.
pub(super) fn parse(line: &[u8]) -> Option<Line<'_>> {
    if let (b"config", setting) = first_field(line) {
        return Some(Line::Config(setting));
    }
    // Only the last field may contain the separator.
    let mut fields = line.splitn(7, |byte| *byte == b'|');
    let kind = fields.next()?;
    let version = Version::parse(fields.next()?)?;
    let _timestamp = fields.next()?;
    let _subsystem = fields.next().filter(|name| *name == b"smtp-in")?;
    let name = fields.next()?;
    let session = hexadecimal(fields.next()?)?;
    let arguments = fields.next().unwrap_or_default();
    match kind {
        b"report" => Some(Line::Report { version, event: name, session, arguments }),
        b"filter" => {
            let (token, argument) = first_field(arguments);
            Some(Line::Request { phase: name, session, token: hexadecimal(token)?, argument })
        }
        _ => None,
    }
}

/// Splits text after its first field.
fn first_field(text: &[u8]) -> (&[u8], &[u8]) {
    let bar = memchr::memchr(b'|', text);
    bar.map_or((text, b""), |bar| (&text[..bar], &text[bar + 1..]))
}

impl Version {
    fn parse(text: &[u8]) -> Option<Version> {
        let (major, minor) = std::str::from_utf8(text).ok()?.split_once('.')?;
        Some(Version(major.parse().ok()?, minor.parse().ok()?))
    }
}

/// Returns the sender in the arguments of `tx-mail`, or `None` if smtpd refused
/// it.
pub(super) fn sender(version: Version, arguments: &[u8]) -> Option<&[u8]> {
    let (_message, rest) = first_field(arguments);
    if version < RESULT_BEFORE_ADDRESS {
        return rest.strip_suffix(b"|ok");
    }
    let (result, address) = first_field(rest);
    (result == b"ok").then_some(address)
}

/// Returns true if the arguments of `link-auth` report a login.
pub(super) fn is_login(version: Version, arguments: &[u8]) -> bool {
    if version >= RESULT_BEFORE_USER {
        arguments.starts_with(b"pass|")
    } else {
        arguments.ends_with(b"|pass")
    }
}

fn hexadecimal(text: &[u8]) -> Option<u64> {
    let is_plain = text.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(text).ok().filter(|_| is_plain)?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_same_fields_in_all_versions() {
        for version in ["0.5", "0.6", "0.7"] {
            let report = format!("report|{version}|1764000000.123|smtp-in|tx-begin|00ab|c0ffee01");
            let parsed = parse(report.as_bytes());
            let Some(Line::Report { event: b"tx-begin", session: 0xab, arguments, .. }) = parsed
            else {
                panic!("{parsed:?}");
            };
            assert_eq!(arguments, b"c0ffee01");
            let request =
                format!("filter|{version}|1764000000.123|smtp-in|rcpt-to|ab|ff|a|b@c.test");
            let expected = Line::Request {
                phase: b"rcpt-to",
                session: 0xab,
                token: 0xff,
                argument: b"a|b@c.test",
            };
            assert_eq!(parse(request.as_bytes()), Some(expected));
        }
        assert_eq!(parse(b"config|ready"), Some(Line::Config(b"ready")));
        let disconnect = parse(b"report|0.6|1|smtp-in|link-disconnect|1");
        assert!(matches!(disconnect, Some(Line::Report { arguments: b"", .. })), "{disconnect:?}");
    }

    #[test]
    fn malformed_lines_are_rejected() {
        for line in [
            "",
            "|",
            "garbage",
            "report",
            "report|0.6|1|smtp-in|tx-begin",
            "report|x|1|smtp-in|tx-begin|1|2",
            "report|0.6|1|smtp-out|tx-begin|1|2",
            "report|0.6|1|smtp-in|tx-begin|xyz|2",
            "filter|0.6|1|smtp-in|rcpt-to|1",
            "filter|0.6|1|smtp-in|rcpt-to|1||bob@example.org",
            "filter|0.6|1|smtp-in|rcpt-to|1|+2|bob@example.org",
            "filter|0.6|1|smtp-in|rcpt-to|1|11112222333344445|bob@example.org",
        ] {
            assert_eq!(parse(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn each_version_has_its_order_of_sender_and_result() {
        for (version, arguments, expected) in [
            (5, "c0ffee01|alice@a.test|ok", Some("alice@a.test")),
            (5, "c0ffee01||ok", Some("")),
            (5, "c0ffee01|alice@a.test|permfail", None),
            (6, "c0ffee01|ok|alice@a.test", Some("alice@a.test")),
            (6, "c0ffee01|ok|", Some("")),
            (6, "c0ffee01|ok|a|b@a.test", Some("a|b@a.test")),
            (6, "c0ffee01|tempfail|alice@a.test", None),
            (7, "c0ffee01|ok|alice@a.test", Some("alice@a.test")),
            (8, "c0ffee01|ok|alice@a.test", Some("alice@a.test")),
            (7, "c0ffee01", None),
        ] {
            let found = sender(Version(0, version), arguments.as_bytes());
            assert_eq!(found, expected.map(str::as_bytes), "0.{version} {arguments}");
        }
    }

    #[test]
    fn each_version_has_its_order_of_user_and_result() {
        for (version, arguments, expected) in [
            (5, "joe|pass", true),
            (6, "joe|pass", true),
            (6, "pass|fail", false),
            (6, "joe|error", false),
            (7, "pass|joe", true),
            (7, "fail|pass", false),
            (7, "pass|jo|e", true),
            (7, "", false),
        ] {
            let found = is_login(Version(0, version), arguments.as_bytes());
            assert_eq!(found, expected, "0.{version} {arguments}");
        }
    }
}
