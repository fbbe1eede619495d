//! SMTP, in front of a mail server that cannot ask by itself (RFC 5321).
//!
//! The session has no way to accept a message. It refuses recipients, or names
//! one that passed; then the connection is handed over to the mail server (see
//! [`Dialogue`]), and what the client sends later is not looked at.

mod command;
mod dialogue;
mod extensions;
mod proxy_header;
mod replies;
mod session;

#[cfg(test)]
mod tests;

pub use dialogue::{Dialogue, DialogueStep};
pub use extensions::Extensions;
pub use proxy_header::{ProxyVersion, proxy_header};
pub use replies::refusal;
pub use session::{Event, MAX_LINE, Offer, Recipient, Session, Step};
