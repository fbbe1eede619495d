//! Greylisting for Postfix, Exim, Sendmail, OpenSMTPD and any server behind an
//! SMTP proxy, compatible with postgrey 1.37.
//!
//! Data goes one way: bytes, [`request::Request`], [`greylist::Plan`],
//! [`greylist::Decision`], [`greylist::Reply`], bytes. `ARCHITECTURE.md` shows the
//! picture; `tests/architecture` holds which module may use which.
//!
//! # Layout
//!
//! - [`cli`]: arguments and option files to typed options; help and manual.
//! - [`server`]: the daemon: event loop, batches, connections, SMTP relay, metrics.
//! - [`admin`]: the administration commands (`postgrey list` and others).
//! - [`report`], [`policy_test`], [`opensmtpd`]: the other programs.
//! - [`database`]: the state as tools reach it, through the daemon or a child.
//! - [`state`]: the [`state::Backend`]; LMDB, Redis, memory, import and export.
//! - [`session`]: policy, milter, SMTP, OpenSMTPD and control protocols, without I/O.
//! - [`greylist`]: the rules, without I/O.
//! - [`lists`]: whitelists, blacklists and other lists; files to rules.
//! - `maillog`: mail logs to events.
//! - [`dns`]: names of client addresses, confirmed, without waiting.
//! - [`daemon`]: what a daemon needs from the system.
//! - [`request`], `json`, `printable`, `histogram`: a request; text for programs;
//!   text for terminals; counts of measurements.

pub mod admin;
pub mod cli;
pub mod daemon;
pub mod database;
pub mod dns;
pub mod greylist;
pub(crate) mod histogram;
pub(crate) mod json;
pub mod lists;
pub(crate) mod maillog;
pub mod opensmtpd;
pub mod policy_test;
pub(crate) mod printable;
pub mod report;
pub mod request;
pub mod server;
pub mod session;
pub mod state;
