//! From the daemon's log lines to attempts, and from Postfix's to queue ids
//! (BEHAVIOUR E2, D5).

use super::super::text;
use crate::cli::admin::AttemptFilter;
use crate::greylist::{Client, Policy, triplet};
use crate::maillog::{Line, LoggedDecision, bracketed};
use memchr::{memchr, memmem};
use std::net::IpAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedBy {
    Daemon,
    Postfix,
}

/// One question that the daemon answered, as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// In seconds since the epoch.
    pub time: i64,
    /// Postfix's queue id, if it had one by then.
    pub id: Option<Vec<u8>>,
    pub source: LoggedBy,
    /// True if it was deferred.
    pub is_deferred: bool,
    /// The daemon's reason, such as `new` or `client whitelist`.
    pub reason: Vec<u8>,
    /// Name of the client, empty if it has none.
    pub name: Vec<u8>,
    pub client: IpAddr,
    /// The sender, empty for bounces.
    pub sender: Vec<u8>,
    pub recipient: Vec<u8>,
}

impl Attempt {
    /// Returns the attempt in a line of the daemon.
    pub fn parse(line: &Line<'_>) -> Option<Attempt> {
        if !line.program.starts_with(b"postgrey") {
            return None;
        }
        let text: &[u8] = &line.text;
        let action = memmem::find(text, b"action=")?;
        let id = text[..action].strip_suffix(b": ").map(<[u8]>::to_vec);
        let text = &text[action + b"action=".len()..];
        let comma = memchr(b',', text)?;
        if text.starts_with(b"blacklist") {
            return None;
        }
        let LoggedDecision { reason, name, client, sender, recipient } =
            LoggedDecision::parse(text[comma..].strip_prefix(b", reason=")?)?;
        // With --noaction the mail still passed.
        let is_dry_run = memmem::find(reason, b", dry-run").is_some();
        let reason = &reason[..memchr(b',', reason).unwrap_or(reason.len())];
        Some(Attempt {
            time: line.time,
            id,
            source: LoggedBy::Daemon,
            is_deferred: text.starts_with(b"greylist") && !is_dry_run,
            reason: reason.to_vec(),
            name: name.to_vec(),
            client,
            sender: sender.into_owned(),
            recipient: recipient.into_owned(),
        })
    }

    /// Returns the key of the mail to which the attempt belongs: sender and
    /// recipient.
    pub fn mail(&self) -> (Vec<u8>, Vec<u8>) {
        (triplet::sender_part(&self.sender), self.recipient.to_ascii_lowercase())
    }

    pub fn as_client(&self) -> Client<'_> {
        Client { address: self.client, name: &self.name }
    }

    /// Returns the client's network as the daemon looks it up.
    pub fn network(&self, policy: &Policy) -> String {
        match self.as_client().domain_in_triplets(policy) {
            Some(domain) => String::from_utf8_lossy(&domain).into_owned(),
            None => text::network(policy, self.client),
        }
    }

    /// Returns the client as Postfix writes it: its name and its address.
    pub fn place(&self) -> Vec<u8> {
        let name: &[u8] = if self.name.is_empty() { b"unknown" } else { &self.name };
        [name, b"[", self.client.to_string().as_bytes(), b"]"].concat()
    }
}

fn between<'t>(text: &'t [u8], sign: &[u8]) -> &'t [u8] {
    memmem::find(text, sign).map_or(&[], |at| &text[at + sign.len()..])
}

impl AttemptFilter {
    /// Returns true if the filter selects an attempt.
    pub fn selects(&self, attempt: &Attempt) -> bool {
        let AttemptFilter { sender, recipient, client } = self;
        let is_client = |text: &String| {
            let name = String::from_utf8_lossy(&attempt.name).to_lowercase();
            let text = text.to_lowercase();
            attempt.client.to_string() == text
                || name == text
                || name.ends_with(&format!(".{text}"))
        };
        sender.as_ref().is_none_or(|who| who.contain(&attempt.sender))
            && recipient.as_ref().is_none_or(|who| who.contain(&attempt.recipient))
            && client.as_ref().is_none_or(is_client)
    }
}

#[derive(Debug, Default)]
pub struct Ids {
    wanted: Option<Vec<u8>>,
    pub sender: Option<Vec<u8>>,
    pub recipients: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Ids {
    /// Will look for an id, if one is wanted.
    pub fn new(wanted: Option<&[u8]>) -> Ids {
        Ids { wanted: wanted.map(<[u8]>::to_vec), ..Ids::default() }
    }

    pub fn take(&mut self, text: &[u8]) {
        let Some(rest) = self.wanted.as_ref().and_then(|id| text.strip_prefix(id.as_slice()))
        else {
            return;
        };
        let Some(rest) = rest.strip_prefix(b":") else { return };
        if let Some(sender) = bracketed(rest, b" from=<") {
            self.sender = Some(sender.to_vec());
        }
        if let Some(recipient) = bracketed(rest, b" to=<") {
            let status = between(rest, b"status=");
            let status = status[..memchr(b' ', status).unwrap_or(status.len())].to_vec();
            self.recipients.push((recipient.to_vec(), status));
        }
    }

    /// Returns true if an attempt belongs to the message with this id.
    pub fn are_of(&self, attempt: &Attempt) -> bool {
        let Some(wanted) = &self.wanted else { return true };
        let is_recipient = |(to, _): &(Vec<u8>, _)| to.eq_ignore_ascii_case(&attempt.recipient);
        attempt.id.as_ref() == Some(wanted)
            || self.sender.as_ref().is_some_and(|from| from.eq_ignore_ascii_case(&attempt.sender))
                && self.recipients.iter().any(is_recipient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_daemon_is_an_attempt() {
        let text = b"4F2A: action=pass, reason=triplet found, delay=400, client_name=mx.a.test, \
                     client_address=192.0.2.1, sender=a,b@c.test, recipient=d@e.test";
        let line = Line { time: 5, program: b"postgrey".into(), text: text.into() };
        let attempt = Attempt::parse(&line).expect("an attempt");
        assert_eq!(attempt.id.as_deref(), Some(b"4F2A".as_slice()));
        assert_eq!(
            (attempt.is_deferred, attempt.reason.as_slice()),
            (false, b"triplet found".as_slice())
        );
        assert_eq!(attempt.place(), b"mx.a.test[192.0.2.1]");
        assert_eq!(attempt.mail(), (b"a,b@c.test".to_vec(), b"d@e.test".to_vec()));
        let with =
            |text: &str| Attempt::parse(&Line { text: text.as_bytes().into(), ..line.clone() });
        let rest = "client_name=a.test, client_address=192.0.2.1, sender=b@c, recipient=d@e";
        let dry = with(&format!("action=greylist, reason=new, dry-run, {rest}"));
        assert!(dry.is_some_and(|attempt| !attempt.is_deferred && attempt.reason == b"new"));
        assert!(
            with(&format!("action=greylist, reason=new, {rest}")).is_some_and(|a| a.is_deferred)
        );
        assert_eq!(with(&format!("action=blacklist, reason=client blacklist, {rest}")), None);
        let none = Line { program: b"postfix/smtpd".into(), ..line };
        assert_eq!(Attempt::parse(&none), None);
    }
}
