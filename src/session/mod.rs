//! The protocols of mail servers and tools. Sessions are fed bytes and yield
//! requests; none of them touches a socket.

mod action;
mod address;
pub(crate) mod control;
pub(crate) mod lines;
mod mail_session;
pub mod milter;
pub mod opensmtpd;
pub mod policy;
pub mod policy_client;
mod refusal;
pub mod smtp;

pub use mail_session::{Event, MailSession, Protocol};
