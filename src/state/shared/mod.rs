//! The shared backend: one state for several hosts, on Redis or Valkey.
//!
//! The servers keep nothing but the original's records, each under its own name
//! (`names`). The rules are applied here: records are read, judged, and changed if
//! they are still as they were read (`batch`). A thread does this, because a server
//! may hang and the event loop must not (`worker`). Whatever happens, mail waits for
//! the time limit at most, and not again before the servers work (`circuit`).
//!
//! Links to one server, to the one that sentinels name, and to a cluster (`link`) use
//! the protocol of `resp`, over streams with deadlines (`stream`). The `redis` crate is
//! not used: it would double the number of crates, its last version for Debian 13's
//! compiler is old, its synchronous connections limit the time of a read but not of a
//! reply, and its Sentinel client has no limit.

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
pub use client::check_authorities;
pub use tool::Tool;

use super::shared_address as address;
