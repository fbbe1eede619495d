//! The filter protocol of OpenSMTPD (smtpd-filters(7)), versions 0.5 to 0.7.
//!
//! smtpd writes lines: reports of what its clients do, and filter requests. It
//! holds each request until a result with the same session and token arrives,
//! and it exits when it reads a line that it does not understand.

mod client;
mod filter;
mod line;
mod result;

pub use filter::{Complaint, PolicyQuestion, RequestId, SmtpdFilter};
pub use result::FilterResult;
