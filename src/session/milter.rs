//! The milter protocol, in which Sendmail asks, and Postfix as well
//! (`smtpd_milters`).
//!
//! A mail server tells of each connection and of each message in packets, and
//! waits for an answer to most of them. Only recipients need a decision; all
//! else is noted or waved through, and the text of messages never comes here.
//! There is no standard; the facts were taken from both servers' behaviour.

mod client;
mod message;
mod negotiate;
mod packet;
mod reply;
mod session;

pub use packet::{Fault, MAX_PACKET_LENGTH};
pub use session::{Event, Session};

/// The answer that lets everything go on.
pub const CONTINUE: &[u8] = b"\0\0\0\x01c";

/// Bytes of a text that count, as over the policy protocol (BEHAVIOUR D2).
const MAX_TEXT_LENGTH: usize = 512;

fn cut(text: &[u8]) -> &[u8] {
    &text[..text.len().min(MAX_TEXT_LENGTH)]
}
