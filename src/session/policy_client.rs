//! The other end of the policy protocol: requests out, replies in.

use memchr::memmem;

/// A reply has fewer bytes than this. One of the daemon is a short line.
const MAX_REPLY: usize = 64 * 1024;

const ACTION: &[u8] = b"action=";

/// Returns the bytes of a request with these attributes. A line feed in a value
/// becomes a space.
pub fn request(attributes: &[(&str, &[u8])]) -> Vec<u8> {
    let mut request = b"request=smtpd_access_policy\n".to_vec();
    for (name, value) in attributes {
        request.extend_from_slice(name.as_bytes());
        request.push(b'=');
        request.extend(value.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
        request.push(b'\n');
    }
    request.push(b'\n');
    request
}

#[derive(Debug, Default)]
pub struct Replies {
    buffer: Vec<u8>,
}

/// A reply that is not of the policy protocol.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

impl Replies {
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Removes the next reply and returns its action with its text.
    pub fn next_action(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        let Some(end) = memmem::find(&self.buffer, b"\n\n") else {
            return if self.buffer.len() > MAX_REPLY { Err(Malformed) } else { Ok(None) };
        };
        if end >= MAX_REPLY {
            return Err(Malformed);
        }
        let reply: Vec<u8> = self.buffer.drain(..end + 2).take(end).collect();
        let mut lines = reply.split(|byte| *byte == b'\n');
        let action = lines.find_map(|line| line.strip_prefix(ACTION));
        action.map(|action| Some(action.to_vec())).ok_or(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::policy::Session;
    use crate::session::{Event, MailSession as _};

    #[test]
    fn a_request_is_understood_by_the_other_end() {
        let mut session = Session::default();
        session.feed(&request(&[
            ("client_address", b"192.0.2.1"),
            ("client_name", b"mx.a.test"),
            ("sender", b"a=b\n@a.test"),
            ("recipient", b""),
        ]));
        assert_eq!(session.next_event(), Some(Event::Request));
        let request = session.request();
        assert_eq!(request.client_address, b"192.0.2.1");
        assert_eq!((request.sender, request.recipient), (&b"a=b @a.test"[..], &b""[..]));
    }

    #[test]
    fn replies_are_found_in_pieces_of_any_size() {
        let bytes = b"action=DUNNO\n\naction=DEFER_IF_PERMIT a=b\n\naction=\n\n";
        for size in 1..bytes.len() {
            let (mut replies, mut found) = (Replies::default(), Vec::new());
            for piece in bytes.chunks(size) {
                replies.feed(piece);
                while let Some(action) = replies.next_action().unwrap() {
                    found.push(String::from_utf8(action).unwrap());
                }
            }
            assert_eq!(found, ["DUNNO", "DEFER_IF_PERMIT a=b", ""], "{size}");
        }
    }

    #[test]
    fn other_text_and_endless_text_are_malformed() {
        let mut replies = Replies::default();
        replies.feed(b"HTTP/1.1 400 Bad Request\n\n");
        assert_eq!(replies.next_action(), Err(Malformed));
        let mut replies = Replies::default();
        replies.feed(&vec![b'x'; MAX_REPLY + 1]);
        assert_eq!(replies.next_action(), Err(Malformed));
        // The same limit if it comes in one piece.
        for (length, expected) in [(MAX_REPLY - 1, true), (MAX_REPLY, false)] {
            let mut replies = Replies::default();
            let text = vec![b'x'; length - ACTION.len()];
            replies.feed(&[ACTION, &text, b"\n\n"].concat());
            assert_eq!(replies.next_action().is_ok(), expected, "{length}");
        }
    }
}
