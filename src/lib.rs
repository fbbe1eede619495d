//! Greylisting for Postfix, Exim and Sendmail, compatible with postgrey 1.37.
//!
//! Data goes one way: bytes in, [`request::Request`], [`greylist::Verdict`],
//! bytes out. See the rooms below; only `server` and `daemon` touch the
//! operating system, only `state::local` the database library.

pub mod admin;
pub mod cli;
pub mod daemon;
pub mod database;
pub mod dns;
pub mod greylist;
pub mod json;
pub mod lists;
pub mod maillog;
pub mod opensmtpd;
pub mod policy_test;
pub mod printable;
pub mod report;
pub mod request;
pub mod server;
pub mod session;
pub mod state;
