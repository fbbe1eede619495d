//! The shared backend: one state for several hosts, on Redis or Valkey.
//!
//! The servers keep nothing but the original's records, each under its own name
//! (`names`). The rules are applied here: records are read, judged, and changed if
//! they are still as they were read (`batch`). A thread does this, because a server
//! may hang and the event loop must not (`worker`). Whatever happens, mail waits for
//! the time limit at most, and not again before the servers work (`circuit`).
//!
//! The protocol is spoken here, because that is little, and because every reply needs
//! an end: the synchronous connections of the `redis` crate have a limit for each read
//! of a socket but none for a reply, its newest version for Debian 13's compiler is
//! not its newest, and it would double the number of crates.

mod backend;
mod batch;
mod changes;
mod circuit;
mod client;
mod cluster;
mod connection;
mod link;
mod names;
mod primary;
mod resp;
mod scan;
mod script;
mod slots;
mod stream;
mod tls;
mod tool;
mod worker;

pub use backend::SharedBackend;
pub use tool::Tool;

use super::shared_address as address;
