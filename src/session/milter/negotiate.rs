//! The negotiation before the first connection.

use super::packet::{self, Fault};

const NEWEST: u32 = 6;

const OLDEST: u32 = 2;

const ADD_HEADERS: u32 = 0x1;

/// Keeps messages in the mail server's queue, for `HOLD`.
const QUARANTINE: u32 = 0x20;

/// Steps of a message that are not needed: HELO, body, headers, end of headers,
/// unknown commands, DATA.
const NOT_NEEDED: u32 = 0x2 | 0x10 | 0x20 | 0x40 | 0x100 | 0x200;

/// Connections are reported without waiting for a reply.
const CONNECTION_UNANSWERED: u32 = 0x1000;

/// Senders are reported without waiting for a reply.
const SENDER_UNANSWERED: u32 = 0x4000;

/// The result of the negotiation: the wanted actions and steps that the mail server
/// offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Negotiated {
    version: u32,
    actions: u32,
    steps: u32,
}

impl Negotiated {
    /// Reads an offer: version, actions and steps, four bytes each.
    pub(super) fn of_offer(offer: &[u8]) -> Result<Negotiated, Fault> {
        let number = |at: usize| {
            let bytes = offer.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map(u32::from_be_bytes).ok_or(Fault::OutOfPlace(b'O'))
        };
        let version = number(0)?;
        if version < OLDEST {
            return Err(Fault::Version(version));
        }
        Ok(Negotiated {
            version: version.min(NEWEST),
            actions: number(4)? & (ADD_HEADERS | QUARANTINE),
            steps: number(8)? & (NOT_NEEDED | CONNECTION_UNANSWERED | SENDER_UNANSWERED),
        })
    }

    pub(super) fn reply(self) -> Vec<u8> {
        let numbers = [self.version, self.actions, self.steps].map(u32::to_be_bytes);
        let mut bytes = Vec::new();
        packet::push(&mut bytes, b'O', &numbers.each_ref().map(<[u8; 4]>::as_slice));
        bytes
    }

    pub(super) fn may_add_headers(self) -> bool {
        self.actions & ADD_HEADERS != 0
    }

    pub(super) fn may_quarantine(self) -> bool {
        self.actions & QUARANTINE != 0
    }

    pub(super) fn answers_connection(self) -> bool {
        self.steps & CONNECTION_UNANSWERED == 0
    }

    pub(super) fn answers_sender(self) -> bool {
        self.steps & SENDER_UNANSWERED == 0
    }
}
