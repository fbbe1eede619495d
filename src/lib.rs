//! Greylisting for Postfix and Exim, compatible with postgrey 1.37.
//!
//! Data goes one way: bytes in, [`request::Request`], [`greylist::Verdict`],
//! bytes out. See the rooms below; only `server` and `daemon` touch the
//! operating system, only `store::lmdb` the database library.

pub mod greylist;
pub mod request;
pub mod whitelist;
