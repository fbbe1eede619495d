//! From a line of a mail log to what it tells of the greylist (BEHAVIOUR H2).

use crate::daemon::Failure;
use crate::whitelist::{Letters, Pattern};
use memchr::memmem::{self, Finder};
use memchr::{memchr, memrchr};
use std::net::IpAddr;

/// Bytes of a traditional timestamp, `Jun 20 10:00:00`.
const TIMESTAMP: usize = 15;

/// Something that happened to a mail.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'line> {
    /// Postfix told a client to come back later, because the greylist said so.
    Deferred(Attempt<'line>),
    /// The daemon let a mail pass.
    Passed(Passed<'line>),
}

/// A deferred attempt, as Postfix logs it.
#[derive(Debug, PartialEq, Eq)]
pub struct Attempt<'line> {
    /// When, in the words of the log.
    pub time: &'line [u8],
    /// The client's name, or `unknown`.
    pub name: &'line [u8],
    /// The client's address.
    pub client: IpAddr,
    /// The same as the log spells it.
    pub address: &'line [u8],
    /// The sender, empty for bounces; a local part may be quoted.
    pub sender: &'line [u8],
    /// The recipient, likewise.
    pub recipient: &'line [u8],
}

/// A mail that passed, as the daemon logs it.
#[derive(Debug, PartialEq, Eq)]
pub struct Passed<'line> {
    /// The client's address.
    pub client: IpAddr,
    /// The sender, empty for bounces.
    pub sender: &'line [u8],
    /// The recipient.
    pub recipient: &'line [u8],
}

/// Reads lines.
pub struct Maillog {
    greylisted: Option<Pattern>,
    reject: Finder<'static>,
    pass: Finder<'static>,
    code: Finder<'static>,
    from: Finder<'static>,
}

impl Maillog {
    /// Will look for deferred mail where the Perl pattern `greylist_text`
    /// matches; an empty one matches everywhere.
    ///
    /// # Errors
    /// When it is no pattern.
    pub fn new(greylist_text: &[u8]) -> Result<Maillog, Failure> {
        let greylisted = (!greylist_text.is_empty()).then(|| {
            Pattern::new(greylist_text, Letters::AsWritten).map_err(|why| {
                let text = greylist_text.escape_ascii();
                Failure::new(format!("ERROR: --greylist-text is the pattern \"{text}\", and {why}"))
            })
        });
        Ok(Maillog {
            greylisted: greylisted.transpose()?,
            reject: Finder::new("reject: "),
            pass: Finder::new("action=pass, reason="),
            code: Finder::new(": 450 "),
            from: Finder::new("from=<"),
        })
    }

    /// What a line tells, if anything.
    pub fn event<'line>(&self, line: &'line [u8]) -> Option<Event<'line>> {
        if let Some(at) = self.reject.find(line) {
            let is_greylisted = self.greylisted.as_ref().is_none_or(|text| text.is_match(line));
            return is_greylisted.then(|| self.attempt(line, at)).flatten().map(Event::Deferred);
        }
        let at = self.pass.find(line)?;
        passed(&line[at..]).map(Event::Passed)
    }

    /// The attempt in a line that has `reject: ` at a place.
    fn attempt<'line>(&self, line: &'line [u8], reject: usize) -> Option<Attempt<'line>> {
        let begin = reject + self.reject.needle().len();
        let (client, code) = self.code.find_iter(&line[begin..]).find_map(|at| {
            let at = begin + at;
            Some((client(&line[..at])?, at + self.code.needle().len()))
        })?;
        let (name, address) = client;
        let (sender, recipient) = self.envelope(&line[code..])?;
        Some(Attempt {
            time: time(line),
            name,
            client: address_of(address)?,
            address,
            sender,
            recipient,
        })
    }

    /// Sender and recipient, which stand one behind the other. What the text
    /// before them holds is the client's own, too, so the last ones count.
    fn envelope<'line>(&self, text: &'line [u8]) -> Option<(&'line [u8], &'line [u8])> {
        let places: Vec<usize> = self.from.find_iter(text).collect();
        places.into_iter().rev().find_map(|at| {
            let (sender, rest) = address_in_brackets(&text[at + self.from.needle().len()..])?;
            let rest = without_original_recipient(rest);
            let (recipient, _) = address_in_brackets(rest.strip_prefix(b" to=<")?)?;
            (!recipient.is_empty()).then_some((sender, recipient))
        })
    }
}

/// Name and address of the client at the end of a text: `NAME[ADDRESS]`, or
/// `NAME[ADDRESS]:PORT` (`smtpd_client_port_logging`).
fn client(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = match memrchr(b':', text) {
        Some(colon) if is_number(&text[colon + 1..]) => &text[..colon],
        _ => text,
    };
    let text = text.strip_suffix(b"]")?;
    let bracket = memrchr(b'[', text)?;
    let (before, address) = (&text[..bracket], &text[bracket + 1..]);
    let name = &before[memrchr(b' ', before)? + 1..];
    (!name.is_empty() && memchr(b'[', name).is_none()).then_some((name, address))
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

fn address_of(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The mail address up to the `>` that ends it, which a quoted local part may
/// hold as well, and what follows.
fn address_in_brackets(text: &[u8]) -> Option<(&[u8], &[u8])> {
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

/// The daemon leaves out what is empty; names and addresses may hold commas.
fn passed(text: &[u8]) -> Option<Passed<'_>> {
    let text = text.trim_ascii_end();
    let client = memmem::find(text, b", client_address=")? + b", client_address=".len();
    let text = &text[client..];
    let end = memchr(b',', text)?;
    let client = address_of(&text[..end])?;
    let text = &text[end..];
    let at = memmem::rfind(text, b", recipient=")?;
    let recipient = &text[at + b", recipient=".len()..];
    let sender = text[..at].strip_prefix(b", sender=").unwrap_or_default();
    Some(Passed { client, sender, recipient })
}

/// The timestamp: a traditional one has a fixed length, another ends before
/// the first blank.
fn time(line: &[u8]) -> &[u8] {
    let is_iso = line.len() > 4 && line[..4].iter().all(u8::is_ascii_digit) && line[4] == b'-';
    let end = if is_iso { memchr(b' ', line) } else { None };
    &line[..end.unwrap_or(TIMESTAMP).min(line.len())]
}

/// A mail address as Postfix gives it to the daemon: the log quotes a local
/// part that holds blanks and the like (`info_log_addr_form`).
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
#[path = "maillog_tests.rs"]
mod tests;
