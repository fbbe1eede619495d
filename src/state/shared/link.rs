//! The link to the servers that keep the state: one server, a primary named by
//! sentinels, or a cluster.

use super::names;
use super::resp::{self, Value};
use crate::state::Error;
use std::time::Instant;

/// A command, and the slot of its keys in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub slot: u16,
    pub bytes: Vec<u8>,
}

impl Command {
    pub fn new(name: &[u8], words: &[&[u8]]) -> Command {
        Command { slot: names::slot(name), bytes: resp::encode(words.iter().copied()) }
    }

    pub fn get(name: &[u8]) -> Command {
        Command::new(name, &[b"GET", name])
    }
}

/// Sends commands to the servers of their keys.
pub trait Link: Send {
    /// Connects, if it is not connected. Returns true if it was not.
    fn connect(&mut self, deadline: Instant) -> Result<bool, Error>;

    fn disconnect(&mut self);

    /// Sends commands and receives their replies, which may be errors. A server
    /// that does not reply before the deadline is disconnected.
    fn run(&mut self, commands: &[Command], deadline: Instant) -> Result<Vec<Value>, Error> {
        let replies = self.connect(deadline).and_then(|_| self.send(commands, deadline));
        // Late replies would be taken for those of later commands.
        replies.inspect_err(|_| self.disconnect())
    }

    /// Does the same with open connections, which stay open after an error.
    fn send(&mut self, commands: &[Command], deadline: Instant) -> Result<Vec<Value>, Error>;

    /// Sends a command to one of the servers that have records; `None` if there
    /// are not that many.
    fn ask(
        &mut self,
        server: usize,
        command: &[&[u8]],
        deadline: Instant,
    ) -> Result<Option<Value>, Error>;
}

/// Reads records. Each has a command of its own: while a cluster moves a slot, it
/// refuses several names at once.
pub fn read(
    link: &mut dyn Link,
    names: &[impl AsRef<[u8]>],
    deadline: Instant,
) -> Result<Vec<Option<Vec<u8>>>, Error> {
    let commands: Vec<Command> = names.iter().map(|name| Command::get(name.as_ref())).collect();
    let replies = link.run(&commands, deadline)?.into_iter().map(|reply| match reply {
        Value::Text(text) => Ok(Some(text)),
        Value::Nil => Ok(None),
        other => Err(unexpected(&other)),
    });
    replies.collect()
}

/// The failure of a server that replied with an error, or not as a Redis.
pub fn unexpected(reply: &Value) -> Error {
    let text = reply.error().unwrap_or("the reply is not that of a Redis or Valkey");
    Error::new(format!("shared state: {text}"))
}
