//! One connection of a mail server, through many connections and messages of
//! its clients.

use super::message::{self, Message};
use super::negotiate::Negotiated;
use super::packet::{Fault, Packets, strings};
use super::{CONTINUE, MAX_TEXT_LENGTH, client, cut};
use crate::greylist::Reply;
use crate::request::Request;
use crate::session::address;
use std::mem;
use std::ops::Range;

/// The input of one connection, and its state.
#[derive(Debug, Default)]
pub struct Session {
    packets: Packets,
    negotiated: Option<Negotiated>,
    state: SmtpState,
}

/// The state of one SMTP client of the mail server.
#[derive(Debug, Default)]
struct SmtpState {
    client: Option<Client>,
    /// The macros of the next sender.
    next_message: Message,
    message: Option<Message>,
}

/// An event in a session's input.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A packet that is answered with these bytes.
    Reply(Vec<u8>),
    /// A recipient ([`Session::request`]). [`Session::reply`] has to be called
    /// before the next event.
    Recipient,
    /// The mail server has finished: the connection is to be closed.
    Quit,
    /// The input is invalid: the connection is to be closed.
    Broken(Fault),
}

#[derive(Debug)]
struct Client {
    name: Vec<u8>,
    address: Vec<u8>,
    is_local: bool,
}

enum Step {
    Nothing,
    Reply(Vec<u8>),
    Recipient,
    Quit,
}

impl Session {
    /// Adds bytes from the mail server.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.packets.feed(bytes);
    }

    /// Returns the next event, if the input has one. There are none after
    /// [`Event::Quit`] and [`Event::Broken`].
    pub fn next_event(&mut self) -> Option<Event> {
        loop {
            let packet = self.packets.next()?;
            return Some(match packet.and_then(|(command, data)| self.take(command, data)) {
                Ok(Step::Nothing) => continue,
                Ok(Step::Reply(bytes)) => Event::Reply(bytes),
                Ok(Step::Quit) => Event::Quit,
                Ok(Step::Recipient) => Event::Recipient,
                Err(fault) => Event::Broken(fault),
            });
        }
    }

    /// The recipient that waits for a reply, since [`Event::Recipient`].
    pub fn request(&self) -> Option<Request<'_>> {
        let (client, message) = (self.state.client.as_ref()?, self.state.message.as_ref()?);
        Some(Request {
            client_address: &client.address,
            client_name: &client.name,
            sender: &message.sender,
            recipient: &message.recipient,
            has_header: message.has_header(),
            queue_id: &message.queue_id,
            is_authenticated: message.is_authenticated,
            is_local: client.is_local,
            covers_own_users: true,
            ..Request::default()
        })
    }

    /// Notes the reply to the last recipient and returns it as a packet.
    pub fn reply(&mut self, reply: &Reply) -> Vec<u8> {
        match (&mut self.state.message, self.negotiated) {
            (Some(message), Some(negotiated)) => message.reply(reply, negotiated),
            _ => CONTINUE.to_vec(),
        }
    }

    /// Returns true if a reply defers mail only because the mail server did not
    /// offer to hold it.
    pub fn cannot_hold(&self, reply: &Reply) -> bool {
        self.negotiated.is_some_and(|negotiated| message::is_beyond(negotiated, reply))
    }

    /// Returns true if all input is complete and processed.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Releases memory that the last packets needed.
    pub fn rest(&mut self) {
        self.packets.rest();
    }

    pub fn buffered(&self) -> usize {
        self.packets.buffered()
    }

    fn take(&mut self, command: u8, data: Range<usize>) -> Result<Step, Fault> {
        let Session { packets, negotiated, state } = self;
        let data = packets.data(data);
        let out_of_place = Fault::OutOfPlace(command);
        if command == b'O' {
            let agreed = negotiated.insert(Negotiated::of_offer(data)?);
            *state = SmtpState::default();
            return Ok(Step::Reply(agreed.reply()));
        }
        let negotiated = negotiated.ok_or(out_of_place)?;
        Ok(match command {
            b'D' => {
                state.note_macros(data);
                Step::Nothing
            }
            b'C' => {
                let client = Client::of(data).ok_or(out_of_place)?;
                *state = SmtpState { client: Some(client), ..SmtpState::default() };
                Step::continue_if(negotiated.answers_connection())
            }
            b'M' => {
                let begun = state.message.insert(mem::take(&mut state.next_message));
                begun.sender = envelope_address(data);
                Step::continue_if(negotiated.answers_sender())
            }
            b'R' => {
                let message = state.message.as_mut().filter(|_| state.client.is_some());
                let message = message.ok_or(out_of_place)?;
                message.recipient = envelope_address(data);
                Step::Recipient
            }
            b'E' => Step::Reply(state.message.take().unwrap_or_default().end(negotiated)),
            b'A' => {
                *state = SmtpState { client: state.client.take(), ..SmtpState::default() };
                Step::Nothing
            }
            b'K' => {
                *state = SmtpState::default();
                Step::Nothing
            }
            b'Q' => Step::Quit,
            b'H' | b'T' | b'L' | b'N' | b'B' | b'U' => Step::continue_if(true),
            unknown => return Err(Fault::Unknown(unknown)),
        })
    }
}

impl Step {
    fn continue_if(is_awaited: bool) -> Step {
        if is_awaited { Step::Reply(CONTINUE.to_vec()) } else { Step::Nothing }
    }
}

impl SmtpState {
    /// Records the macros of the next sender, or of the recipients after it.
    fn note_macros(&mut self, data: &[u8]) {
        match (data.split_first(), &mut self.message) {
            (Some((b'M', macros)), _) => {
                self.next_message = Message::default();
                self.next_message.note_macros(macros);
            }
            (Some((b'R', macros)), Some(message)) => message.note_macros(macros),
            _ => {}
        }
    }
}

impl Client {
    /// Parses the name, the address family, and if present a port (2 bytes) and
    /// the address. `None` without a family.
    fn of(data: &[u8]) -> Option<Client> {
        let end = memchr::memchr(0, data)?;
        let (name, family) = (&data[..end], *data.get(end + 1)?);
        let address = match family {
            b'4' | b'6' => {
                let address = strings(data.get(end + 4..)?).next().unwrap_or_default();
                client::client_address(address)
            }
            _ => b"unknown".to_vec(),
        };
        Some(Client {
            name: cut(client::client_name(name)).to_vec(),
            address: cut(&address).to_vec(),
            is_local: family == b'L',
        })
    }
}

/// The address in the first argument, cut to the length that counts.
fn envelope_address(data: &[u8]) -> Vec<u8> {
    let argument = strings(data).next().unwrap_or_default();
    let mut address = address::mailbox(argument);
    address.truncate(MAX_TEXT_LENGTH);
    address
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
