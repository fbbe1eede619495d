//! The milter protocol of Sendmail, which Postfix supports as well
//! (`smtpd_milters`).
//!
//! A mail server reports each connection and message in packets, and waits for a
//! reply to most of them. Only recipients need a decision; other packets are
//! noted or accepted, and the text of messages is not transferred. There is no
//! standard; the facts come from both servers' behaviour.

mod client;
mod message;
mod negotiate;
mod packet;
mod reply;
mod session;

pub use packet::MAX_PACKET_LENGTH;
pub use session::Session;

/// The reply that continues with the message.
pub const CONTINUE: &[u8] = b"\0\0\0\x01c";

/// Bytes of a text that count, as over the policy protocol (BEHAVIOUR D2).
const MAX_TEXT_LENGTH: usize = 512;

fn cut(text: &[u8]) -> &[u8] {
    &text[..text.len().min(MAX_TEXT_LENGTH)]
}
