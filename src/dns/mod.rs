//! Questions to the DNS servers of `/etc/resolv.conf`, driven by the caller's
//! event loop: nothing here blocks or starts a thread.

mod cache;
mod client_names;
mod message;
mod resolver;
mod servers;
mod transport;

#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;

pub use client_names::ClientNames;
pub use message::{Answer, Kind, Question, Reply, reply, reversed};
pub use resolver::{QuestionId, Resolver};
pub use servers::{CONFIGURATION, Servers};
