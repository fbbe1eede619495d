//! A message under way, and what is to become of it at its end.

use super::negotiate::Terms;
use super::packet::strings;
use super::{CONTINUE, cut, reply};
use crate::greylist::Answer;
use crate::session::action::{Action, whole_text};

/// A message under way, up to the recipient that came last.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) sender: Vec<u8>,
    pub(super) recipient: Vec<u8>,
    pub(super) queue_id: Vec<u8>,
    pub(super) is_authenticated: bool,
    /// None as long as nobody wants anything of it, as of most.
    fates: Option<Box<Fates>>,
}

/// The fate of a message, and that before the recipient that came last.
#[derive(Debug, Default)]
struct Fates {
    now: EndOfMessage,
    before: EndOfMessage,
}

/// What is to become of a message at its end. Of several recipients the first
/// one counts that wants something.
#[derive(Clone, Debug, Default)]
struct EndOfMessage {
    /// The header of a message that was delayed.
    header: Option<Vec<u8>>,
    /// The header that the administrator's action puts in.
    mark: Option<Vec<u8>>,
    reason_to_hold: Option<Vec<u8>>,
    is_discarded: bool,
}

impl Message {
    /// Notes what was told beside the message's sender or a recipient: names
    /// and values by turns. Names of several letters come in braces, and those
    /// of one may.
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

    /// Notes the answer to the last recipient, and gives the bytes that tell
    /// it. `action` is the option that stands before its text.
    ///
    /// What concerns the whole message waits for its end: other recipients are
    /// still decided, and who is told to come back loses nothing by it.
    pub(super) fn answer(&mut self, action: &[u8], answer: &Answer, terms: Terms) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        if let Some(fates) = &mut self.fates {
            fates.before = fates.now.clone();
        }
        match answer {
            Answer::Defer(text) | Answer::Refuse(text) => {
                self.follow(&mut bytes, action, text, terms);
            }
            Answer::Prepend(header) => note(&mut self.fate().header, || header.clone()),
            Answer::Dunno => {}
        }
        if bytes.is_empty() {
            bytes.extend_from_slice(CONTINUE);
        }
        bytes
    }

    /// Takes back the last answer: the disk did not take what it stands on. No
    /// mail server asks about a recipient before it knows of the one before.
    pub(super) fn withdraw(&mut self) {
        if let Some(fates) = &mut self.fates {
            fates.now = std::mem::take(&mut fates.before);
        }
    }

    /// Whether the message gets the header of one that was delayed.
    pub(super) fn has_header(&self) -> bool {
        self.fates.as_ref().is_some_and(|fates| fates.now.header.is_some())
    }

    fn fate(&mut self) -> &mut EndOfMessage {
        &mut self.fates.get_or_insert_default().now
    }

    /// Does as the action says: appends a refusal, or notes what is to come.
    fn follow(&mut self, bytes: &mut Vec<u8>, option: &[u8], text: &[u8], terms: Terms) {
        let (action, rest) = Action::split(option);
        let text_of_message = || whole_text(rest, text);
        match action {
            Action::Reply(code) => reply::refusal(bytes, code, &text_of_message()),
            Action::Pass => {}
            Action::Prepend => note(&mut self.fate().mark, text_of_message),
            Action::Hold if !terms.may_quarantine() => {
                reply::refusal(bytes, crate::session::action::DEFERRAL, text);
            }
            Action::Hold => note(&mut self.fate().reason_to_hold, text_of_message),
            Action::Discard => self.fate().is_discarded = true,
        }
    }

    /// The answer at the message's end: it is thrown away, or gets the headers
    /// that the mail server lets be put in, is held if it must be, and goes on.
    pub(super) fn end(self, terms: Terms) -> Vec<u8> {
        let mut bytes = Vec::new();
        let EndOfMessage { header, mark, reason_to_hold, is_discarded } =
            self.fates.unwrap_or_default().now;
        if is_discarded {
            reply::discard(&mut bytes);
            return bytes;
        }
        let headers = [mark, header].into_iter().flatten();
        for header in headers.filter(|_| terms.may_add_headers()) {
            reply::header(&mut bytes, &header);
        }
        if let Some(reason) = reason_to_hold {
            reply::quarantine(&mut bytes, &reason);
        }
        bytes.extend_from_slice(CONTINUE);
        bytes
    }
}

/// The first text stays.
fn note(place: &mut Option<Vec<u8>>, text: impl FnOnce() -> Vec<u8>) {
    if place.is_none() {
        *place = Some(text());
    }
}

/// Whether an action needs what the mail server did not offer, so that mail is
/// deferred in its place.
pub(super) fn is_beyond(terms: Terms, action: &[u8], answer: &Answer) -> bool {
    matches!(answer, Answer::Defer(_) | Answer::Refuse(_))
        && Action::split(action).0 == Action::Hold
        && !terms.may_quarantine()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::milter::packet;

    /// The terms of a mail server that offers these actions.
    fn offering(actions: u32) -> Terms {
        let offer = [6, actions, 0x1f_ffff].map(u32::to_be_bytes).concat();
        Terms::of_offer(&offer).unwrap()
    }

    fn all() -> Terms {
        offering(0x1ff)
    }

    fn packet(command: u8, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        packet::push(&mut bytes, command, &[data]);
        bytes
    }

    fn refused(text: &str) -> Answer {
        Answer::Refuse(text.as_bytes().to_vec())
    }

    #[test]
    fn a_held_message_goes_into_quarantine_at_its_end() {
        let mut message = Message::default();
        assert_eq!(message.answer(b"HOLD", &refused("Spam?"), all()), CONTINUE);
        assert_eq!(message.answer(b"HOLD for bob", &refused("Again"), all()), CONTINUE);
        assert_eq!(message.end(all()), [&packet(b'q', b"Spam?\0"), CONTINUE].concat());
    }

    #[test]
    fn what_stands_behind_a_code_comes_before_the_text() {
        let mut message = Message::default();
        let deferral = Answer::Defer(b"Greylisted".to_vec());
        let reply = message.answer(b"450 4.2.0 Busy:", &deferral, all());
        assert_eq!(reply, packet(b'y', b"450 4.2.0 Busy: Greylisted\0"));
        let reply = message.answer(b"REJECT No:", &refused("Access denied"), all());
        assert_eq!(reply, packet(b'y', b"554 5.7.1 No: Access denied\0"));
    }

    #[test]
    fn what_cannot_be_held_is_deferred() {
        let without_holding = offering(0x1df);
        let mut message = Message::default();
        let reply = message.answer(b"hold", &refused("Spam?"), without_holding);
        assert_eq!(reply, packet(b'y', b"451 4.7.1 Spam?\0"));
        assert_eq!(message.end(without_holding), CONTINUE);
        assert!(is_beyond(without_holding, b"HOLD", &refused("")));
        assert!(!is_beyond(without_holding, b"HOLD", &Answer::Dunno));
        assert!(!is_beyond(without_holding, b"DISCARD", &refused("")));
        assert!(!is_beyond(all(), b"HOLD", &refused("")));
    }

    #[test]
    fn a_discarded_message_gets_nothing_else() {
        let mut message = Message::default();
        message.answer(b"", &Answer::Prepend(b"X-Greylist: x".to_vec()), all());
        message.answer(b"HOLD", &refused("Spam?"), all());
        assert_eq!(message.answer(b"DISCARD", &refused("Spam"), all()), CONTINUE);
        // Its other recipients are still decided.
        let deferral = message.answer(b"451", &Answer::Defer(b"Later".to_vec()), all());
        assert_eq!(deferral, packet(b'y', b"451 4.7.1 Later\0"));
        assert_eq!(message.end(all()), packet(b'd', b""));
    }

    #[test]
    fn a_header_of_the_administrators_comes_beside_that_of_a_delayed_message() {
        let mut message = Message::default();
        message.answer(b"", &Answer::Prepend(b"X-Greylist: x".to_vec()), all());
        let (option, text) = (b"PREPEND X-Listed: yes", "indeed");
        assert_eq!(message.answer(option, &refused(text), all()), CONTINUE);
        assert_eq!(message.answer(b"PREPEND", &refused("X-Second: y"), all()), CONTINUE);
        let headers = [
            packet(b'i', b"\0\0\0\0X-Listed\0yes indeed\0"),
            packet(b'i', b"\0\0\0\0X-Greylist\0x\0"),
            CONTINUE.to_vec(),
        ];
        assert_eq!(message.end(all()), headers.concat());
    }

    #[test]
    fn an_answer_that_is_taken_back_leaves_what_was_before_it() {
        let mut message = Message::default();
        message.answer(b"HOLD", &refused("First"), all());
        message.answer(b"DISCARD", &refused("Second"), all());
        message.withdraw();
        assert_eq!(message.end(all()), [&packet(b'q', b"First\0"), CONTINUE].concat());
        let mut message = Message::default();
        message.answer(b"", &Answer::Prepend(b"X-Greylist: x".to_vec()), all());
        message.withdraw();
        assert!(!message.has_header());
        assert_eq!(message.end(all()), CONTINUE);
    }

    #[test]
    fn a_text_that_is_no_header_and_actions_that_pass_change_nothing() {
        for action in ["PREPEND", "PREPEND nothing of the kind", "WARN", "DUNNO", "OK"] {
            let mut message = Message::default();
            let reply = message.answer(action.as_bytes(), &refused("Access denied"), all());
            assert_eq!(reply, CONTINUE, "{action}");
            assert_eq!(message.end(all()), CONTINUE, "{action}");
        }
    }
}
