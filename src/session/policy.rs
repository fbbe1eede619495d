//! Postfix's policy delegation protocol (SMTPD_POLICY_README), which Exim uses as
//! well.
//!
//! A request is lines of `name=value` followed by an empty line, the reply
//! `action=TEXT` and an empty line. A [`Session`] accepts the bytes in pieces of
//! any size.

use super::{Event, MailSession};
use crate::greylist::Reply;
use crate::request::Request;
use std::mem;
use std::ops::Range;

/// The longest request, in bytes. Postfix's are about one thousand.
pub const MAX_REQUEST_LENGTH: usize = 64 * 1024;

/// Bytes of a value that count; the original's number (BEHAVIOUR D2).
const MAX_VALUE_LENGTH: usize = 512;

/// Bytes of its buffer that a session keeps for the next request.
const RETAINED_CAPACITY: usize = 4096;

/// Bytes of an invalid line that are logged (BEHAVIOUR D2).
const MAX_GARBAGE_SHOWN: usize = 100;

/// The input of one connection.
///
/// Attributes do not carry over to the next request. In the original they do when
/// requests are pipelined (BEHAVIOUR D1).
#[derive(Debug, Default)]
pub struct Session {
    buffer: Vec<u8>,
    /// The start of the current request in the buffer.
    start: usize,
    /// The start of its first unread line, from `start`.
    line: usize,
    /// The place up to which the end of that line was searched, from `start`.
    searched: usize,
    attributes: Attributes,
    /// The last complete request: where it begins in the buffer, and its
    /// attributes.
    complete: Box<(usize, Attributes)>,
}

/// The needed values of the current request, as ranges from its start.
#[derive(Clone, Debug, Default)]
struct Attributes {
    request: Option<Range<usize>>,
    client_address: Option<Range<usize>>,
    client_name: Option<Range<usize>>,
    sender: Option<Range<usize>>,
    recipient: Option<Range<usize>>,
    instance: Option<Range<usize>>,
    queue_id: Option<Range<usize>>,
    etrn_domain: Option<Range<usize>>,
    sasl_username: Option<Range<usize>>,
    policy_test_time: Option<Range<usize>>,
}

impl Attributes {
    /// The place for the value of a needed attribute.
    fn place(&mut self, name: &[u8]) -> Option<&mut Option<Range<usize>>> {
        Some(match name {
            b"request" => &mut self.request,
            b"client_address" => &mut self.client_address,
            b"client_name" => &mut self.client_name,
            b"sender" => &mut self.sender,
            b"recipient" => &mut self.recipient,
            b"instance" => &mut self.instance,
            b"queue_id" => &mut self.queue_id,
            b"etrn_domain" => &mut self.etrn_domain,
            b"sasl_username" => &mut self.sasl_username,
            b"policy_test_time" => &mut self.policy_test_time,
            _ => return None,
        })
    }

    /// Returns the first missing attribute that a decision needs, in the
    /// original's order (BEHAVIOUR D4).
    fn missing(&self) -> Option<&'static str> {
        let required = [
            ("client_address", &self.client_address),
            ("client_name", &self.client_name),
            ("recipient", &self.recipient),
            ("sender", &self.sender),
        ];
        required.into_iter().find(|(_, value)| value.is_none()).map(|(name, _)| name)
    }
}

impl MailSession for Session {
    fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..mem::take(&mut self.start));
        self.buffer.extend_from_slice(bytes);
    }

    fn next_event(&mut self) -> Option<Event> {
        while let Some(line) = self.next_line() {
            if line.is_empty() {
                return Some(self.end_of_request());
            }
            let request = &self.buffer[self.start..];
            let Some((name, value)) = split(request, &line) else {
                let shown = line.start..line.end.min(line.start + MAX_GARBAGE_SHOWN);
                let warning = [b"ignoring garbage: <", &request[shown], b">"].concat();
                return Some(Event::Warning(warning));
            };
            let value = value.start..value.end.min(value.start + MAX_VALUE_LENGTH);
            if let Some(place) = self.attributes.place(&request[name.clone()]) {
                *place = Some(value.clone());
                if &request[name] == b"policy_test_time"
                    && number(&request[value.clone()]).is_none()
                {
                    *place = None;
                    let time = &request[value];
                    return Some(Event::Warning(
                        [b"ignoring invalid policy_test_time: ", time].concat(),
                    ));
                }
            }
        }
        None
    }

    fn is_empty(&self) -> bool {
        self.buffer.len() == self.start
    }

    fn rest(&mut self) {
        self.buffer.drain(..mem::take(&mut self.start));
        self.buffer.shrink_to(RETAINED_CAPACITY);
    }

    fn discard(&mut self) {
        *self = Session::default();
    }

    fn buffered(&self) -> usize {
        self.buffer.capacity()
    }

    fn is_too_long(&self) -> bool {
        self.buffer.len() - self.start > MAX_REQUEST_LENGTH
    }

    fn closes_after_one_reply(&self) -> bool {
        true
    }

    fn reply(&mut self, to_send: &Reply) -> Vec<u8> {
        reply(to_send)
    }

    fn request(&self) -> Request<'_> {
        let (start, attributes) = &*self.complete;
        let request = &self.buffer[*start..];
        let value = |range: &Option<Range<usize>>| range.clone().map(|range| &request[range]);
        Request {
            client_address: value(&attributes.client_address).unwrap_or_default(),
            client_name: value(&attributes.client_name).unwrap_or_default(),
            sender: value(&attributes.sender).unwrap_or_default(),
            recipient: value(&attributes.recipient).unwrap_or_default(),
            instance: value(&attributes.instance),
            queue_id: value(&attributes.queue_id).unwrap_or_default(),
            has_etrn_domain: attributes.etrn_domain.is_some(),
            is_authenticated: value(&attributes.sasl_username).is_some_and(|name| !name.is_empty()),
            test_time: value(&attributes.policy_test_time).and_then(number),
            ..Request::default()
        }
    }
}

impl Session {
    /// The next complete line, without its end (`\n` or `\r\n`).
    fn next_line(&mut self) -> Option<Range<usize>> {
        let current = &self.buffer[self.start..];
        let Some(length) = memchr::memchr(b'\n', &current[self.searched..]) else {
            self.searched = current.len();
            return None;
        };
        let newline = self.searched + length;
        let mut line = self.line..newline;
        if current[line.clone()].ends_with(b"\r") {
            line.end -= 1;
        }
        self.line = newline + 1;
        self.searched = self.line;
        Some(line)
    }

    fn end_of_request(&mut self) -> Event {
        let start = self.start;
        self.start += self.line;
        self.line = 0;
        self.searched = 0;
        *self.complete = (start, mem::take(&mut self.attributes));
        let kind = self.complete.1.request.clone();
        let kind = kind.map_or(&[][..], |range| &self.buffer[start..][range]);
        if kind != b"smtpd_access_policy" {
            // It gets no reply (BEHAVIOUR D3).
            return Event::Error([b"unrecognized request type: '", kind, b"'"].concat());
        }
        match self.complete.1.missing() {
            Some(name) => Event::Incomplete(format!("attribute missing: {name}")),
            None => Event::Request,
        }
    }
}

/// Returns the places of a line's name and value in a request. Leading `=` are
/// skipped, like the original does (BEHAVIOUR D2).
fn split(request: &[u8], line: &Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
    let text = &request[line.clone()];
    let name = text.iter().position(|byte| *byte != b'=')?;
    let equals = name + memchr::memchr(b'=', &text[name..])?;
    Some((line.start + name..line.start + equals, line.start + equals + 1..line.end))
}

/// A number of seconds: digits and nothing else.
fn number(text: &[u8]) -> Option<i64> {
    let digits = std::str::from_utf8(text).ok()?;
    if digits.starts_with('+') || digits.starts_with('-') {
        return None;
    }
    digits.parse().ok()
}

/// The reply's bytes.
pub fn reply(reply: &Reply) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend_from_slice(b"action=");
    match reply {
        Reply::Dunno => bytes.extend_from_slice(b"DUNNO"),
        Reply::Restrict { action, text } => push_text(&mut bytes, action, text),
        Reply::Prepend(header) => push_text(&mut bytes, b"PREPEND", header),
    }
    bytes.extend_from_slice(b"\n\n");
    bytes
}

/// A carriage return from an address must not end a line of the SMTP reply
/// that the mail server makes of this.
fn push_text(output: &mut Vec<u8>, word: &[u8], text: &[u8]) {
    output.extend_from_slice(word);
    output.push(b' ');
    output.extend(text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
