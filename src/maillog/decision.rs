//! Lines in which the daemon tells what it decided (BEHAVIOUR E2):
//! `action=A, reason=R, …, client_name=N, client_address=IP, sender=S, recipient=R`.

use memchr::memchr;
use memchr::memmem;
use std::net::IpAddr;

use super::address_of;

/// Whose mail such a line is about. The daemon leaves out what is empty.
#[derive(Debug, PartialEq, Eq)]
pub struct Decision<'line> {
    /// What stands before the client: the reason, and what was done.
    pub reason: &'line [u8],
    /// The client's name, empty where the line has none.
    pub name: &'line [u8],
    /// The client's address.
    pub client: IpAddr,
    /// The sender, empty for bounces.
    pub sender: &'line [u8],
    /// The recipient.
    pub recipient: &'line [u8],
}

impl<'line> Decision<'line> {
    /// Reads a line from its reason on. Names and addresses may hold commas.
    #[must_use]
    pub fn parse(text: &'line [u8]) -> Option<Decision<'line>> {
        let text = text.trim_ascii_end();
        let at = memmem::find(text, b", client_address=")?;
        let (before, behind) = (&text[..at], &text[at + b", client_address=".len()..]);
        let (reason, name) = match memmem::find(before, b", client_name=") {
            Some(at) => (&before[..at], &before[at + b", client_name=".len()..]),
            None => (before, b"".as_slice()),
        };
        let (client, envelope) = behind.split_at(memchr(b',', behind)?);
        let at = memmem::rfind(envelope, b", recipient=")?;
        let sender = envelope[..at].strip_prefix(b", sender=").unwrap_or_default();
        let recipient = &envelope[at + b", recipient=".len()..];
        Some(Decision { reason, name, client: address_of(client)?, sender, recipient })
    }
}
