//! One connection of a mail server, through many connections and messages of
//! its clients.

use super::message::{self, Message};
use super::negotiate::Negotiated;
use super::packet::{Fault, Packets, strings};
use super::{CONTINUE, MAX_TEXT_LENGTH, client, cut};
use crate::greylist::Reply;
use crate::request::Request;
use crate::session::{Event, MailSession, address};
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

#[derive(Debug)]
struct Client {
    name: Vec<u8>,
    address: Vec<u8>,
    is_local: bool,
}

impl MailSession for Session {
    fn feed(&mut self, bytes: &[u8]) {
        self.packets.feed(bytes);
    }

    fn next_event(&mut self) -> Option<Event> {
        loop {
            let packet = self.packets.next()?;
            match packet.and_then(|(command, data)| self.take(command, data)) {
                Ok(None) => {}
                Ok(event) => return event,
                Err(fault) => return Some(closing(fault)),
            }
        }
    }

    fn request(&self) -> Request<'_> {
        let SmtpState { client: Some(client), message: Some(message), .. } = &self.state else {
            return Request::default();
        };
        Request {
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
        }
    }

    fn reply(&mut self, reply: &Reply) -> Vec<u8> {
        match (&mut self.state.message, self.negotiated) {
            (Some(message), Some(negotiated)) => message.reply(reply, negotiated),
            _ => CONTINUE.to_vec(),
        }
    }

    fn cannot_hold(&self, reply: &Reply) -> bool {
        self.negotiated.is_some_and(|negotiated| message::is_beyond(negotiated, reply))
    }

    fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    fn rest(&mut self) {
        self.packets.rest();
    }

    fn discard(&mut self) {
        *self = Session::default();
    }

    fn buffered(&self) -> usize {
        self.packets.buffered()
    }
}

impl Session {
    /// Handles a packet. Returns no event if it needs no reply.
    fn take(&mut self, command: u8, data: Range<usize>) -> Result<Option<Event>, Fault> {
        let Session { packets, negotiated, state } = self;
        let data = packets.data(data);
        let out_of_place = Fault::OutOfPlace(command);
        if command == b'O' {
            let agreed = negotiated.insert(Negotiated::of_offer(data)?);
            *state = SmtpState::default();
            return Ok(Some(Event::Send(agreed.reply())));
        }
        let negotiated = negotiated.ok_or(out_of_place)?;
        Ok(match command {
            b'D' => {
                state.note_macros(data);
                None
            }
            b'C' => {
                let client = Client::of(data).ok_or(out_of_place)?;
                *state = SmtpState { client: Some(client), ..SmtpState::default() };
                continue_if(negotiated.answers_connection())
            }
            b'M' => {
                let begun = state.message.insert(mem::take(&mut state.next_message));
                begun.sender = envelope_address(data);
                continue_if(negotiated.answers_sender())
            }
            b'R' => {
                let message = state.message.as_mut().filter(|_| state.client.is_some());
                let message = message.ok_or(out_of_place)?;
                message.recipient = envelope_address(data);
                Some(Event::Request)
            }
            b'E' => Some(Event::Send(state.message.take().unwrap_or_default().end(negotiated))),
            b'A' => {
                *state = SmtpState { client: state.client.take(), ..SmtpState::default() };
                None
            }
            b'K' => {
                *state = SmtpState::default();
                None
            }
            b'Q' => Some(Event::Close(None)),
            b'H' | b'T' | b'L' | b'N' | b'B' | b'U' => continue_if(true),
            unknown => return Err(Fault::Unknown(unknown)),
        })
    }
}

fn continue_if(is_awaited: bool) -> Option<Event> {
    is_awaited.then(|| Event::Send(CONTINUE.to_vec()))
}

fn closing(fault: Fault) -> Event {
    Event::Close(Some(format!("closing a milter connection: {fault}")))
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
