//! A message in progress, and what happens at its end.

use super::negotiate::Negotiated;
use super::packet::strings;
use super::{CONTINUE, cut, reply};
use crate::greylist::Reply;
use crate::session::action::{Action, whole_text};

/// A message in progress, with its last recipient.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) sender: Vec<u8>,
    pub(super) recipient: Vec<u8>,
    pub(super) queue_id: Vec<u8>,
    pub(super) is_authenticated: bool,
    /// The actions at its end; `None` for most messages, which are accepted
    /// unchanged.
    end: Option<Box<EndOfMessage>>,
}

/// The actions at the end of a message. Of several recipients with the same
/// action the first counts.
#[derive(Debug, Default)]
struct EndOfMessage {
    /// The header of a message that was delayed.
    header: Option<Vec<u8>>,
    /// The header of the administrator's `PREPEND`.
    mark: Option<Vec<u8>>,
    reason_to_hold: Option<Vec<u8>>,
    is_discarded: bool,
}

impl Message {
    /// Records the macros of a sender or a recipient: alternating names and
    /// values. Names of several letters are in braces, names of one letter may
    /// be.
    pub(super) fn note_macros(&mut self, data: &[u8]) {
        let mut strings = strings(data);
        while let (Some(name), Some(value)) = (strings.next(), strings.next()) {
            match name {
                b"i" | b"{i}" => self.queue_id = cut(value).to_vec(),
                b"{auth_type}" | b"{auth_authen}" => self.is_authenticated |= !value.is_empty(),
                _ => {}
            }
        }
    }

    /// Notes the reply to the last recipient and returns it as a packet. What
    /// concerns the whole message waits for its end: other recipients are still
    /// decided, and a deferred recipient changes nothing for them.
    pub(super) fn reply(&mut self, reply: &Reply, negotiated: Negotiated) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        match reply {
            Reply::Restrict { action, text } => self.follow(&mut bytes, action, text, negotiated),
            Reply::Prepend(header) => note(&mut self.at_end().header, || header.clone()),
            Reply::Dunno => {}
        }
        if bytes.is_empty() {
            bytes.extend_from_slice(CONTINUE);
        }
        bytes
    }

    /// Returns true if the message gets the header of one that was delayed.
    pub(super) fn has_header(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.header.is_some())
    }

    fn at_end(&mut self) -> &mut EndOfMessage {
        self.end.get_or_insert_default()
    }

    /// Applies an action: appends a refusal, or records an action for the end.
    fn follow(&mut self, bytes: &mut Vec<u8>, option: &[u8], text: &[u8], negotiated: Negotiated) {
        let (action, rest) = Action::split(option);
        let text_of_message = || whole_text(rest, text);
        match action {
            Action::Reply(code) => reply::refusal(bytes, code, &text_of_message()),
            Action::Pass => {}
            Action::Prepend => note(&mut self.at_end().mark, text_of_message),
            Action::Hold if !negotiated.may_quarantine() => {
                reply::refusal(bytes, crate::session::action::DEFERRAL, text);
            }
            Action::Hold => note(&mut self.at_end().reason_to_hold, text_of_message),
            Action::Discard => self.at_end().is_discarded = true,
        }
    }

    /// Returns the reply at the message's end: discard it, or add the headers
    /// that the mail server permits, quarantine it if required, and continue.
    pub(super) fn end(self, negotiated: Negotiated) -> Vec<u8> {
        let mut bytes = Vec::new();
        let EndOfMessage { header, mark, reason_to_hold, is_discarded } =
            *self.end.unwrap_or_default();
        if is_discarded {
            reply::discard(&mut bytes);
            return bytes;
        }
        let headers = [mark, header].into_iter().flatten();
        for header in headers.filter(|_| negotiated.may_add_headers()) {
            reply::header(&mut bytes, &header);
        }
        if let Some(reason) = reason_to_hold {
            reply::quarantine(&mut bytes, &reason);
        }
        bytes.extend_from_slice(CONTINUE);
        bytes
    }
}

fn note(place: &mut Option<Vec<u8>>, text: impl FnOnce() -> Vec<u8>) {
    if place.is_none() {
        *place = Some(text());
    }
}

/// Returns true if a reply demands to hold mail and the mail server did not offer
/// that, so that the mail is deferred instead.
pub(super) fn is_beyond(negotiated: Negotiated, reply: &Reply) -> bool {
    let Reply::Restrict { action, .. } = reply else {
        return false;
    };
    Action::split(action).0 == Action::Hold && !negotiated.may_quarantine()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::milter::packet;

    /// The result with a mail server that offers these actions.
    fn offering(actions: u32) -> Negotiated {
        let offer = [6, actions, 0x1f_ffff].map(u32::to_be_bytes).concat();
        Negotiated::of_offer(&offer).unwrap()
    }

    fn all() -> Negotiated {
        offering(0x1ff)
    }

    fn packet(command: u8, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        packet::push(&mut bytes, command, &[data]);
        bytes
    }

    fn restrict(action: &str, text: &str) -> Reply {
        Reply::Restrict { action: action.into(), text: text.into() }
    }

    fn header(text: &str) -> Reply {
        Reply::Prepend(text.into())
    }

    #[test]
    fn a_held_message_goes_into_quarantine_at_its_end() {
        let mut message = Message::default();
        assert_eq!(message.reply(&restrict("HOLD", "Spam?"), all()), CONTINUE);
        assert_eq!(message.reply(&restrict("HOLD for bob", "Again"), all()), CONTINUE);
        assert_eq!(message.end(all()), [&packet(b'q', b"Spam?\0"), CONTINUE].concat());
    }

    #[test]
    fn text_after_a_code_precedes_the_text_option() {
        let mut message = Message::default();
        let reply = message.reply(&restrict("450 4.2.0 Busy:", "Greylisted"), all());
        assert_eq!(reply, packet(b'y', b"450 4.2.0 Busy: Greylisted\0"));
        let reply = message.reply(&restrict("REJECT No:", "Access denied"), all());
        assert_eq!(reply, packet(b'y', b"554 5.7.1 No: Access denied\0"));
    }

    #[test]
    fn hold_without_quarantine_defers() {
        let without_holding = offering(0x1df);
        let mut message = Message::default();
        let reply = message.reply(&restrict("hold", "Spam?"), without_holding);
        assert_eq!(reply, packet(b'y', b"451 4.7.1 Spam?\0"));
        assert_eq!(message.end(without_holding), CONTINUE);
        assert!(is_beyond(without_holding, &restrict("HOLD", "")));
        assert!(!is_beyond(without_holding, &Reply::Dunno));
        assert!(!is_beyond(without_holding, &restrict("DISCARD", "")));
        assert!(!is_beyond(all(), &restrict("HOLD", "")));
    }

    #[test]
    fn a_discarded_message_gets_nothing_else() {
        let mut message = Message::default();
        message.reply(&header("X-Greylist: x"), all());
        message.reply(&restrict("HOLD", "Spam?"), all());
        assert_eq!(message.reply(&restrict("DISCARD", "Spam"), all()), CONTINUE);
        // Its other recipients are still decided.
        let deferral = message.reply(&restrict("451", "Later"), all());
        assert_eq!(deferral, packet(b'y', b"451 4.7.1 Later\0"));
        assert_eq!(message.end(all()), packet(b'd', b""));
    }

    #[test]
    fn a_header_action_is_added_to_the_greylist_header() {
        let mut message = Message::default();
        message.reply(&header("X-Greylist: x"), all());
        let listed = restrict("PREPEND X-Listed: yes", "indeed");
        assert_eq!(message.reply(&listed, all()), CONTINUE);
        assert_eq!(message.reply(&restrict("PREPEND", "X-Second: y"), all()), CONTINUE);
        let headers = [
            packet(b'i', b"\0\0\0\0X-Listed\0yes indeed\0"),
            packet(b'i', b"\0\0\0\0X-Greylist\0x\0"),
            CONTINUE.to_vec(),
        ];
        assert_eq!(message.end(all()), headers.concat());
    }

    #[test]
    fn invalid_headers_and_passing_actions_change_nothing() {
        for action in ["PREPEND", "PREPEND nothing of the kind", "WARN", "DUNNO", "OK"] {
            let mut message = Message::default();
            let reply = message.reply(&restrict(action, "Access denied"), all());
            assert_eq!(reply, CONTINUE, "{action}");
            assert_eq!(message.end(all()), CONTINUE, "{action}");
        }
    }
}
