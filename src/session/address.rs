//! Mail addresses in the form of the policy protocol: all protocols share one
//! database, so that the same mail must have the same triplet.

/// The address in the argument of `MAIL FROM:` or `RCPT TO:` (RFC 5321 section
/// 4.1.2): without brackets, source route, quotes and backslashes, and without
/// the spaces and comments that mail servers let pass (RFC 5322 section 3.2.2).
pub(super) fn mailbox(argument: &[u8]) -> Vec<u8> {
    let end = unquoted_position(argument, b'>').unwrap_or(argument.len());
    let is_inside = |byte: &u8| *byte != b'<' && !byte.is_ascii_whitespace();
    let start = argument[..end].iter().position(is_inside).unwrap_or(end);
    plain(without_route(&argument[start..end]))
}

/// `@relay.test,@other.test:user@example.org` is the path to
/// `user@example.org`.
fn without_route(path: &[u8]) -> &[u8] {
    match unquoted_position(path, b':') {
        Some(colon) if path.starts_with(b"@") => &path[colon + 1..],
        _ => path,
    }
}

/// Returns the first place of a byte outside quotes and not after a backslash.
pub(super) fn unquoted_position(text: &[u8], wanted: u8) -> Option<usize> {
    let mut is_quoted = false;
    let mut bytes = text.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => is_quoted = !is_quoted,
            byte if *byte == wanted && !is_quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Removes quotes, backslashes, comments and unquoted spaces.
fn plain(address: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(address.len());
    let (mut is_quoted, mut open_comments) = (false, 0_usize);
    let mut bytes = address.iter();
    while let Some(byte) = bytes.next() {
        let is_outside = open_comments == 0;
        match byte {
            b'\\' => plain.extend(bytes.next().filter(|_| is_outside)),
            b'"' if is_outside => is_quoted = !is_quoted,
            byte if is_quoted => plain.push(*byte),
            b'(' => open_comments += 1,
            b')' if !is_outside => open_comments -= 1,
            byte if is_outside && !byte.is_ascii_whitespace() => plain.push(*byte),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_what_the_policy_protocol_would_give() {
        let table = [
            ("<bob@example.org>", "bob@example.org"),
            ("<Bob@Example.ORG>", "Bob@Example.ORG"),
            ("bob@example.org", "bob@example.org"),
            (" <bob@example.org> ", "bob@example.org"),
            ("<>", ""),
            ("", ""),
            ("<", ""),
            ("<bob>", "bob"),
            ("<@relay.test:bob@example.org>", "bob@example.org"),
            ("<@a.test,@b.test:bob@example.org>", "bob@example.org"),
            ("<\"bo b\"@example.org>", "bo b@example.org"),
            ("<\"a>b\"@example.org>", "a>b@example.org"),
            ("<\"a\\\"b\"@example.org>", "a\"b@example.org"),
            ("<a\\@b@example.org>", "a@b@example.org"),
            ("<\"a:b\"@example.org>", "a:b@example.org"),
            ("<bob@[IPv6:2001:db8::1]>", "bob@[IPv6:2001:db8::1]"),
            ("<bob@example.org", "bob@example.org"),
            ("<bob@example.org\\", "bob@example.org"),
            ("< bob @ example.org >", "bob@example.org"),
            ("<<bob@example.org>>", "bob@example.org"),
            ("<bob(at (his) \\) home)@example.org>", "bob@example.org"),
            ("<\"bob(x) \"@example.org>", "bob(x) @example.org"),
            ("<bob\\ \\(x@example.org>", "bob (x@example.org"),
            ("<bob@example.org(comment>", "bob@example.org"),
            ("<bob)@example.org>", "bob)@example.org"),
            ("< >", ""),
        ];
        for (argument, plain) in table {
            let found = mailbox(argument.as_bytes());
            assert_eq!(
                found.escape_ascii().to_string(),
                plain.as_bytes().escape_ascii().to_string()
            );
        }
    }
}
