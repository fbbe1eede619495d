//! One client's side of the proxy, until one of its recipients passes.

use super::command::{Command, Envelope, Fault};
use super::extensions::{Extensions, MAIL_PARAMETERS, RCPT_PARAMETERS};
use super::replies;
use crate::session::lines::{InputLine, Lines};
use std::rc::Rc;

/// Bytes of the longest command line, with its end: 512 (RFC 5321 section
/// 4.5.3.1.4) and room for the parameters of all extensions.
pub const MAX_LINE: usize = 2048;

const MAX_ERRORS: u32 = 20;

/// Commands without a transaction (NOOP, RSET, ...) before each counts as an error,
/// as Postfix's smtpd_junk_command_limit.
const MAX_JUNK: u32 = 100;

/// Recipients of one message, all refused; RFC 5321 section 4.5.3.1.8 asks for
/// at least 100.
const MAX_RECIPIENTS: u32 = 1000;

/// Bytes of BDAT chunks that are discarded for one connection.
const MAX_DISCARDED: u64 = 100 << 20;

/// Bytes of an address that count, as with the policy protocol (BEHAVIOUR D2).
const MAX_ADDRESS: usize = 512;

/// The greeting's host and the offered extensions.
#[derive(Debug, Default)]
pub struct Offer {
    pub host: String,
    pub extensions: Extensions,
    pub offers_tls: bool,
}

#[derive(Debug)]
pub struct Session {
    offer: Rc<Offer>,
    input: Lines<MAX_LINE>,
    /// The client's line with EHLO or HELO.
    hello: Option<Vec<u8>>,
    mail: Option<Mail>,
    /// The client's line with RCPT, while its recipient is being decided.
    recipient: Option<Vec<u8>>,
    chunk: Option<Chunk>,
    discarded: u64,
    is_encrypted: bool,
    errors: u32,
    junk: u32,
}

#[derive(Debug)]
struct Mail {
    line: Vec<u8>,
    sender: Vec<u8>,
    recipients: u32,
}

/// A chunk of BDAT that is being discarded.
#[derive(Debug)]
struct Chunk {
    left: u64,
    reply: &'static str,
}

/// An event in a session's input.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    Reply(Vec<u8>),
    /// A recipient to decide on. Until [`Session::answer`] there is no other
    /// event.
    Recipient(Recipient),
    /// A reply, after which TLS begins. Bytes fed later are those inside TLS.
    StartTls(Vec<u8>),
    /// A reply, after which the connection is closed.
    Close(Vec<u8>),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The sender; empty for bounces.
    pub sender: Vec<u8>,
    pub recipient: Vec<u8>,
}

/// The step after the decision on a recipient.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Reply(Vec<u8>),
    /// The connection is to be handed over, after these commands of the client: EHLO
    /// or HELO, MAIL, and the RCPT that passed, each with the end of its line.
    HandOver([Vec<u8>; 3]),
}

impl Session {
    /// A session that begins with [`Session::greeting`].
    pub fn new(offer: Rc<Offer>) -> Session {
        Session {
            offer,
            input: Lines::default(),
            hello: None,
            mail: None,
            recipient: None,
            chunk: None,
            discarded: 0,
            is_encrypted: false,
            errors: 0,
            junk: 0,
        }
    }

    pub fn greeting(&self) -> Vec<u8> {
        replies::line(&format!("220 {} ESMTP", self.offer.host))
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.input.feed(bytes);
    }

    /// Returns the next event; call it until there is none. Nothing may be fed
    /// after [`Event::Close`].
    pub fn next_event(&mut self) -> Option<Event> {
        if self.recipient.is_some() {
            return None;
        }
        let event = loop {
            if let Some(chunk) = &mut self.chunk {
                chunk.left -= self.input.skip(chunk.left);
                if chunk.left > 0 {
                    return None;
                }
                let reply = chunk.reply;
                self.chunk = None;
                break self.reply(reply);
            }
            match self.input.next_line()? {
                InputLine::TooLong => break self.reply(replies::LINE_TOO_LONG),
                InputLine::Whole(mut line) => {
                    if line.ends_with(b"\r") {
                        line.pop();
                    }
                    if let Some(event) = self.take(line) {
                        break event;
                    }
                }
            }
        };
        if let Event::Close(_) = event {
            self.input.clear();
        }
        Some(event)
    }

    /// Returns what follows from the decision on the last recipient: it passes,
    /// or is refused with a line (see [`super::refusal`]).
    pub fn answer(&mut self, refusal: Option<Vec<u8>>) -> Step {
        if let Some(reply) = refusal {
            return Step::Reply(self.refuse(reply));
        }
        match (&self.hello, &self.mail, &self.recipient) {
            (Some(hello), Some(mail), Some(recipient)) => {
                let lines = [hello, &mail.line, recipient];
                Step::HandOver(lines.map(|line| [line, b"\r\n".as_slice()].concat()))
            }
            _ => Step::Reply(self.refuse(replies::line(replies::MAIL_FIRST))),
        }
    }

    /// Continues after the last recipient was refused, here or by the mail server.
    /// Returns the reply.
    pub fn refuse(&mut self, reply: Vec<u8>) -> Vec<u8> {
        self.recipient = None;
        reply
    }

    /// The bytes that the client sent after the recipient that passed.
    pub fn rest(&self) -> &[u8] {
        self.input.rest()
    }

    /// Releases memory that is not needed while the client is silent.
    pub fn shrink(&mut self) {
        self.input.shrink();
    }

    /// Processes a line. Returns no event if it starts a chunk.
    fn take(&mut self, line: Vec<u8>) -> Option<Event> {
        let command = match Command::parse(&line) {
            Ok(command) => command,
            Err(Fault::ChunkSize) => {
                return Some(Event::Close(replies::line(replies::of_fault(Fault::ChunkSize))));
            }
            Err(fault) => return Some(self.reply(replies::of_fault(fault))),
        };
        if !matches!(command, Command::Mail(_) | Command::Rcpt(_)) {
            self.junk += 1;
        }
        Some(match command {
            Command::Hello { is_extended } => self.hello(line, is_extended),
            Command::Mail(envelope) => self.mail(line, envelope),
            Command::Rcpt(envelope) => self.rcpt(line, envelope),
            Command::Data => self.reply(self.without_recipient()),
            Command::Chunk(size) => return self.discard(size),
            Command::Reset => {
                self.mail = None;
                self.reply(replies::OK)
            }
            Command::Noop => self.reply(replies::OK),
            Command::Verify => self.reply(replies::CANNOT_VERIFY),
            Command::Help => self.reply(replies::HELP),
            Command::Quit => Event::Close(replies::line(replies::BYE)),
            Command::StartTls => self.start_tls(),
            Command::NotOffered => self.reply(replies::NOT_OFFERED),
            Command::Foreign => Event::Close(replies::line(replies::FOREIGN_PROTOCOL)),
        })
    }

    fn hello(&mut self, line: Vec<u8>, is_extended: bool) -> Event {
        self.mail = None;
        self.hello = Some(line);
        let offer = Rc::clone(&self.offer);
        let mut lines = vec![offer.host.as_str()];
        if is_extended {
            lines.extend(offer.extensions.lines());
            lines.extend((offer.offers_tls && !self.is_encrypted).then_some("STARTTLS"));
        }
        let last = lines.len() - 1;
        let reply = lines.iter().enumerate().map(|(index, line)| {
            let separator = if index == last { ' ' } else { '-' };
            format!("250{separator}{line}\r\n")
        });
        let reply = reply.collect::<String>().into();
        self.count(false, reply)
    }

    fn mail(&mut self, line: Vec<u8>, envelope: Envelope) -> Event {
        let extensions = &self.offer.extensions;
        if self.hello.is_none() {
            return self.reply(replies::HELLO_FIRST);
        }
        if self.mail.is_some() {
            return self.reply(replies::NESTED_MAIL);
        }
        if !envelope.parameters.iter().all(|name| extensions.allow(name, &MAIL_PARAMETERS)) {
            return self.reply(replies::UNKNOWN_PARAMETER);
        }
        self.mail = Some(Mail { line, sender: cut(envelope.address), recipients: 0 });
        self.reply(replies::SENDER_OK)
    }

    fn rcpt(&mut self, line: Vec<u8>, envelope: Envelope) -> Event {
        let extensions = &self.offer.extensions;
        let is_allowed =
            envelope.parameters.iter().all(|name| extensions.allow(name, &RCPT_PARAMETERS));
        let Some(mail) = &mut self.mail else {
            return self.reply(replies::MAIL_FIRST);
        };
        if !is_allowed {
            return self.reply(replies::UNKNOWN_PARAMETER);
        }
        if mail.recipients >= MAX_RECIPIENTS {
            return self.reply(replies::TOO_MANY_RECIPIENTS);
        }
        mail.recipients += 1;
        let sender = mail.sender.clone();
        self.recipient = Some(line);
        Event::Recipient(Recipient { sender, recipient: cut(envelope.address) })
    }

    /// Begins to discard a chunk. The reply follows it.
    fn discard(&mut self, size: u64) -> Option<Event> {
        self.discarded = self.discarded.saturating_add(size);
        if self.discarded > MAX_DISCARDED {
            return Some(Event::Close(replies::line(replies::TOO_MUCH_DISCARDED)));
        }
        self.chunk = Some(Chunk { left: size, reply: self.without_recipient() });
        None
    }

    /// The reply to a message, none of whose recipients passed.
    fn without_recipient(&self) -> &'static str {
        match &self.mail {
            None => replies::MAIL_FIRST,
            Some(Mail { recipients: 0, .. }) => replies::RCPT_FIRST,
            Some(_) => replies::NO_RECIPIENT_PASSED,
        }
    }

    fn start_tls(&mut self) -> Event {
        if !self.offer.offers_tls {
            return self.reply(replies::NOT_OFFERED);
        }
        if self.is_encrypted {
            return self.reply(replies::TLS_ACTIVE);
        }
        // RFC 3207 section 4.2: the state of the clear-text session is dropped,
        // and clear text after STARTTLS is ignored.
        self.is_encrypted = true;
        self.hello = None;
        self.mail = None;
        self.input.clear();
        Event::StartTls(replies::line(replies::START_TLS))
    }

    fn reply(&mut self, reply: &'static str) -> Event {
        self.count(reply.starts_with('5'), replies::line(reply))
    }

    /// Counts an error, and disconnects a client with too many.
    fn count(&mut self, is_error: bool, reply: Vec<u8>) -> Event {
        self.errors += u32::from(is_error || self.junk > MAX_JUNK);
        if self.errors >= MAX_ERRORS {
            return Event::Close(replies::line(replies::TOO_MANY_ERRORS));
        }
        Event::Reply(reply)
    }
}

fn cut(mut address: Vec<u8>) -> Vec<u8> {
    address.truncate(MAX_ADDRESS);
    address
}
