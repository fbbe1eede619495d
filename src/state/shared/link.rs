//! The way to the servers that keep the state, be it one, a primary that sentinels
//! name, or a cluster.

use super::resp::Value;
use crate::state::Error;
use std::time::Instant;

/// A command, and the slot of its keys in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The slot.
    pub slot: u16,
    /// The command as it is sent.
    pub bytes: Vec<u8>,
}

/// Sends commands to the servers of their keys.
pub trait Link: Send {
    /// Connects, if it is not connected. Returns true if it was not.
    ///
    /// # Errors
    /// When a server cannot be reached before the deadline, or refuses.
    fn connect(&mut self, deadline: Instant) -> Result<bool, Error>;

    /// Closes all connections.
    fn disconnect(&mut self);

    /// Sends commands and receives their replies, which may be errors.
    ///
    /// # Errors
    /// When a server does not reply before the deadline. It is disconnected then.
    fn run(&mut self, commands: &[Command], deadline: Instant) -> Result<Vec<Value>, Error>;

    /// Sends a command to one of the servers that have records; `None` if there
    /// are not that many.
    ///
    /// # Errors
    /// As [`Link::run`].
    fn ask(
        &mut self,
        server: usize,
        command: &[&[u8]],
        deadline: Instant,
    ) -> Result<Option<Value>, Error>;
}
