//! Lines of Postfix about a recipient that it or a milter refused:
//! `NOQUEUE: reject: RCPT from NAME[IP]: 450 4.2.0 <rcpt>: TEXT; from=<S>
//! to=<R> proto=ESMTP helo=<H>`.

use memchr::memmem;
use memchr::{memchr, memrchr};
use std::net::IpAddr;

#[derive(Debug, PartialEq, Eq)]
pub struct Reject<'line> {
    /// The client's name, or `unknown`.
    pub name: &'line [u8],
    pub client: IpAddr,
    pub address: &'line [u8],
    /// Code of the reply, three digits of which the first is 4 (RFC 5321,
    /// section 4.2.1).
    pub code: &'line [u8],
    /// The sender, empty for bounces; a local part may be quoted.
    pub sender: &'line [u8],
    /// The recipient, likewise.
    pub recipient: &'line [u8],
}

const REJECT: &[u8] = b"reject: ";
const FROM: &[u8] = b"from=<";

impl<'line> Reject<'line> {
    /// Returns the place of the word that all of them contain.
    #[must_use]
    pub fn find(line: &[u8]) -> Option<usize> {
        memmem::find(line, REJECT)
    }

    /// Parses a line that has this word at `place`; `None` if the reply is
    /// permanent or a part is missing.
    #[must_use]
    pub fn parse(line: &'line [u8], place: usize) -> Option<Reject<'line>> {
        let begin = place + REJECT.len();
        let (client, code, rest) = memmem::find_iter(&line[begin..], ": 4").find_map(|at| {
            let at = begin + at;
            let code = line.get(at + 2..at + 5)?;
            let is_code = is_number(code) && line.get(at + 5) == Some(&b' ');
            Some((client(&line[..at])?, code, at + 6)).filter(|_| is_code)
        })?;
        let (name, address) = client;
        let (sender, recipient) = envelope(&line[rest..])?;
        Some(Reject { name, client: address_of(address)?, address, code, sender, recipient })
    }
}

/// Returns sender and recipient, which follow each other. The text before them
/// comes from the client as well, so the last ones count.
fn envelope(text: &[u8]) -> Option<(&[u8], &[u8])> {
    memmem::rfind_iter(text, FROM).find_map(|at| {
        let (sender, rest) = address_in_brackets(&text[at + FROM.len()..])?;
        let rest = without_original_recipient(rest);
        let (recipient, _) = address_in_brackets(rest.strip_prefix(b" to=<")?)?;
        (!recipient.is_empty()).then_some((sender, recipient))
    })
}

/// Name and address of the client at the end of a text: `NAME[ADDRESS]`, or
/// `NAME[ADDRESS]:PORT` (`smtpd_client_port_logging`).
pub fn client(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = match memrchr(b':', text) {
        Some(colon) if is_number(&text[colon + 1..]) => &text[..colon],
        _ => text,
    };
    let text = text.strip_suffix(b"]")?;
    let bracket = memrchr(b'[', text)?;
    let (before, address) = (&text[..bracket], &text[bracket + 1..]);
    let name = &before[memrchr(b' ', before).map_or(0, |blank| blank + 1)..];
    (!name.is_empty() && memchr(b'[', name).is_none()).then_some((name, address))
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// The address that a text spells, if it does.
pub fn address_of(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The mail address up to the `>` that ends it, which a quoted local part may
/// hold as well, and what follows.
pub fn address_in_brackets(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    let starts_quoted = text.first() == Some(&b'"');
    let end = text.iter().position(|byte| {
        if std::mem::take(&mut is_escaped) {
            return false;
        }
        match byte {
            b'"' if starts_quoted => is_quoted = !is_quoted,
            b'\\' if is_quoted => is_escaped = true,
            b'>' => return !is_quoted,
            _ => {}
        }
        false
    });
    let end = end.or_else(|| memchr(b'>', text))?;
    Some((&text[..end], &text[end + 1..]))
}

/// Without ` orig_to=<...>`, which may stand before the recipient.
fn without_original_recipient(text: &[u8]) -> &[u8] {
    let rest = text.strip_prefix(b" orig_to=<").and_then(address_in_brackets);
    rest.map_or(text, |(_, rest)| rest)
}

/// Returns a mail address as Postfix passes it to the daemon: the log quotes a
/// local part with blanks and the like (`info_log_addr_form`).
pub fn unquoted(address: &[u8]) -> Vec<u8> {
    let quoted = || {
        let rest = address.strip_prefix(b"\"")?;
        let end = memmem::rfind(rest, b"\"@").or_else(|| rest.len().checked_sub(1))?;
        rest[end..].starts_with(b"\"").then(|| rest.split_at(end))
    };
    let Some((local, domain)) = quoted() else {
        return address.to_vec();
    };
    let mut plain = Vec::with_capacity(address.len());
    let mut bytes = local.iter().copied();
    while let Some(byte) = bytes.next() {
        plain.push(if byte == b'\\' { bytes.next().unwrap_or(byte) } else { byte });
    }
    plain.extend_from_slice(&domain[1..]);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_local_parts_become_what_the_daemon_sees() {
        for (logged, plain) in [
            ("a@b", "a@b"),
            ("\"a b\"@c", "a b@c"),
            (r#""a\"b\\"@c"#, r#"a"b\@c"#),
            ("\"a@b\"@c", "a@b@c"),
            ("\"a b\"", "a b"),
            ("\"", "\""),
            ("\"a@c", "\"a@c"),
            ("", ""),
        ] {
            assert_eq!(unquoted(logged.as_bytes()), plain.as_bytes(), "{logged}");
        }
    }
}
