//! Prefixes of a line: the name of a container, a priority, RFC 5424's fields.

use memchr::{memchr, memmem};

/// The longest name of a container that is looked for.
const MAX_NAME: usize = 64;

/// Returns the line without `NAME | `, which `docker compose logs` prints first.
pub(super) fn without_container(line: &[u8]) -> &[u8] {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let end = line.iter().take(MAX_NAME).position(|byte| !is_name(byte)).filter(|end| *end > 0);
    let rest = end.map(|end| line[end..].trim_ascii_start());
    rest.and_then(|rest| rest.strip_prefix(b"| ")).unwrap_or(line)
}

/// Returns the line without `<PRI>`, and true if RFC 5424's version follows it,
/// which is removed as well.
pub(super) fn without_priority(line: &[u8]) -> (&[u8], bool) {
    let number = line.strip_prefix(b"<").and_then(|rest| Some(rest.split_at(memchr(b'>', rest)?)));
    match number {
        Some((digits, rest)) if digits.len() < 4 && digits.iter().all(u8::is_ascii_digit) => {
            let rest = &rest[1..];
            rest.strip_prefix(b"1 ").map_or((rest, false), |rest| (rest, true))
        }
        _ => (line, false),
    }
}

/// Returns the program and the text of RFC 5424's `HOST APP PROCID MSGID SD MSG`.
pub(super) fn split_rfc5424(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = rest.trim_ascii_start().splitn(5, |byte| *byte == b' ');
    let (_host, program) = (fields.next()?, fields.next()?);
    let (_process, _message) = (fields.next()?, fields.next()?);
    let rest = fields.next()?;
    let text = match rest.strip_prefix(b"-") {
        Some(rest) => rest,
        None => &rest[memmem::find(rest, b"] ")? + 1..],
    };
    let text = text.trim_ascii_start();
    Some((program, text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)))
}

/// Returns the rest of a line without the `<mail.info>` of FreeBSD's syslogd -v.
pub(super) fn without_facility(rest: &[u8]) -> &[u8] {
    let name = rest.strip_prefix(b"<").and_then(|rest| Some(rest.split_at(memchr(b'>', rest)?)));
    match name {
        Some((name, rest)) if !name.contains(&b' ') => rest[1..].trim_ascii_start(),
        _ => rest,
    }
}
