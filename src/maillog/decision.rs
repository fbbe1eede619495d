//! Lines with a decision of the daemon (BEHAVIOUR E2):
//! `action=A, reason=R, …, client_name=N, client_address=IP, sender=S, recipient=R`.

use memchr::memchr;
use memchr::memmem;
use std::borrow::Cow;
use std::net::IpAddr;

use super::address_of;

/// A decision. The daemon leaves out fields that are empty.
#[derive(Debug, PartialEq, Eq)]
pub struct LoggedDecision<'line> {
    /// The text before the client: the reason and what was done.
    pub reason: &'line [u8],
    /// The client's name, empty where the line has none.
    pub name: &'line [u8],
    pub client: IpAddr,
    /// The sender, empty for bounces.
    pub sender: Cow<'line, [u8]>,
    pub recipient: Cow<'line, [u8]>,
}

impl<'line> LoggedDecision<'line> {
    /// Reads a line from its reason on. Names and addresses may hold commas.
    #[must_use]
    pub fn parse(text: &'line [u8]) -> Option<LoggedDecision<'line>> {
        let text = text.trim_ascii_end();
        let at = memmem::find(text, b", client_address=")?;
        let (before, after) = (&text[..at], &text[at + b", client_address=".len()..]);
        let (reason, name) = match memmem::find(before, b", client_name=") {
            Some(at) => (&before[..at], &before[at + b", client_name=".len()..]),
            None => (before, b"".as_slice()),
        };
        let (client, envelope) = after.split_at(memchr(b',', after)?);
        let at = memmem::rfind(envelope, b", recipient=")?;
        let sender = envelope[..at].strip_prefix(b", sender=").unwrap_or_default();
        let recipient = &envelope[at + b", recipient=".len()..];
        // postgrey 1.36 logs the length of the network that it looks up.
        let client = &client[..memchr(b'/', client).unwrap_or(client.len())];
        let (sender, recipient) = (unescaped(sender), unescaped(recipient));
        Some(LoggedDecision { reason, name, client: address_of(client)?, sender, recipient })
    }
}

/// Returns an address with its UTF-8, which the daemon writes as `%C3%BC` to
/// standard error. A percent sign before ASCII belongs to the address.
fn unescaped(address: &[u8]) -> Cow<'_, [u8]> {
    let mut plain = Vec::with_capacity(address.len());
    let mut rest = address;
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| {
            let byte = u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?;
            (!byte.is_ascii()).then_some(byte)
        });
        plain.push(hex.unwrap_or(*first));
        rest = if hex.is_some() { &after[2..] } else { after };
    }
    if plain.len() < address.len() && std::str::from_utf8(&plain).is_ok() {
        Cow::Owned(plain)
    } else {
        Cow::Borrowed(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_of_postgrey_1_36_has_a_length() {
        for (logged, client) in [("192.0.2.7/32", "192.0.2.7"), ("2001:db8::7/128", "2001:db8::7")]
        {
            let line = format!("new, client_address={logged}, sender=a@b, recipient=c@d");
            let decision = LoggedDecision::parse(line.as_bytes()).expect("a decision");
            assert_eq!(decision.client.to_string(), client);
        }
    }

    #[test]
    fn utf_8_is_found_in_either_spelling() {
        for (logged, address) in [
            ("%C3%BC@example.com", "\u{fc}@example.com"),
            ("\u{fc}@example.com", "\u{fc}@example.com"),
            ("a%b.test@c.test", "a%b.test@c.test"),
            ("100%25@c.test", "100%25@c.test"),
            ("%FF@c.test", "%FF@c.test"),
            ("%C3", "%C3"),
        ] {
            assert_eq!(*unescaped(logged.as_bytes()), *address.as_bytes(), "{logged}");
        }
    }
}
