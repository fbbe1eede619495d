//! Converts lines of Postfix's log to requests: one for each refused recipient,
//! and one for each accepted message with its first recipient.

use super::complain;
use crate::maillog;
use memchr::{memchr, memmem};
use std::collections::HashMap;

/// Creates requests; remembers messages until their recipient is logged.
#[derive(Debug, Default)]
pub struct Converter {
    messages: HashMap<Vec<u8>, Message>,
}

#[derive(Debug, Default)]
struct Message {
    time: i64,
    client_name: Vec<u8>,
    client_address: Vec<u8>,
    sender: Option<Vec<u8>>,
    recipient: Option<Vec<u8>>,
}

impl Converter {
    /// Returns the request of a line and earlier lines of the message. Unknown
    /// lines are reported on stderr, with the original's text.
    pub fn request(&mut self, line: &[u8], now: i64) -> Option<Vec<u8>> {
        let Some(parsed) = maillog::parse(line, now) else {
            if !line.is_empty() {
                complain(&[b"WARNING: line not in syslog format: ", line].concat());
            }
            return None;
        };
        if !parsed.program.starts_with(b"postfix/") {
            return None;
        }
        let text = parsed.text.as_ref();
        if text.starts_with(b"NOQUEUE") {
            let message = refused(text, parsed.time);
            if message.is_none() {
                complain(&[b"can't parse: ", text].concat());
            }
            return message.map(|message| message.request());
        }
        self.queued(text, parsed.time)
    }

    fn queued(&mut self, text: &[u8], time: i64) -> Option<Vec<u8>> {
        let (id, rest) = maillog::queued(text)?;
        if let Some((client_name, client_address)) = client(rest, b" client=") {
            let message = self.messages.entry(id.to_vec()).or_default();
            *message = Message { time, client_name, client_address, ..Message::default() };
        }
        let message = self.messages.get_mut(id)?;
        message.sender = owned(rest, b" from=<").or(message.sender.take());
        message.recipient = owned(rest, b"to=<").or(message.recipient.take());
        let is_whole = message.sender.is_some() && message.recipient.is_some();
        if is_whole || rest == b" removed" {
            return self.messages.remove(id).filter(|_| is_whole).map(|message| message.request());
        }
        None
    }
}

impl Message {
    fn request(&self) -> Vec<u8> {
        let mut request =
            b"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=SMTP\n".to_vec();
        let time = self.time.to_string();
        for (name, value) in [
            ("client_name", &self.client_name[..]),
            ("client_address", &self.client_address),
            ("sender", self.sender.as_deref().unwrap_or_default()),
            ("recipient", self.recipient.as_deref().unwrap_or_default()),
            ("policy_test_time", time.as_bytes()),
        ] {
            request.extend_from_slice(name.as_bytes());
            request.push(b'=');
            request.extend_from_slice(value);
            request.push(b'\n');
        }
        request.push(b'\n');
        request
    }
}

/// `NOQUEUE: reject: RCPT from NAME[ADDRESS]: ...; from=<> to=<>`.
fn refused(text: &[u8], time: i64) -> Option<Message> {
    const BEGINNING: &[u8] = b"NOQUEUE: reject: RCPT from ";
    let (client_name, client_address) =
        client(text, BEGINNING).filter(|_| text.starts_with(BEGINNING))?;
    let rest = &text[memmem::find(text, b"]:")?..];
    let envelope = &rest[memmem::find(rest, b"; ")?..];
    Some(Message {
        time,
        client_name,
        client_address,
        sender: owned(envelope, b" from=<"),
        recipient: owned(envelope, b" to=<"),
    })
}

/// Returns name and address of the `NAME[ADDRESS]` after `sign`.
fn client(text: &[u8], sign: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let rest = &text[memmem::find(text, sign)? + sign.len()..];
    let open = memchr(b'[', rest).filter(|at| *at > 0)?;
    let close = open + memchr(b']', &rest[open..])?;
    Some((rest[..open].to_vec(), rest[open + 1..close].to_vec()))
}

fn owned(text: &[u8], sign: &[u8]) -> Option<Vec<u8>> {
    maillog::bracketed(text, sign).map(<[u8]>::to_vec)
}
