//! A connection after the hand-over.

use super::backend::BackendConnection;
use super::copy::Direction;
use super::shared::Activity;
use super::stream::{ClientSide, Side};
use crate::daemon::nonblocking::unless_blocked;
use std::io;
use std::time::{Duration, Instant};

/// The time for which both sides may be silent: longer than a mail server takes
/// for a message (RFC 5321 section 4.5.3.2.6).
const SILENCE_TIMEOUT: Duration = Duration::from_secs(20 * 60);

/// The time limit for a client to close after the mail server has.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The mail server's side, and the bytes in between.
pub struct Relayed {
    backend: BackendConnection,
    to_server: Direction,
    to_client: Direction,
    /// The time at which an idle connection is closed.
    pub deadline: Instant,
}

impl Relayed {
    /// A connection on which these bytes are sent first.
    pub fn new(backend: BackendConnection, for_server: Vec<u8>, for_client: Vec<u8>) -> Relayed {
        Relayed {
            backend,
            to_server: Direction::new(for_server),
            to_client: Direction::new(for_client),
            deadline: Instant::now() + SILENCE_TIMEOUT,
        }
    }

    /// Copies what can be copied without waiting.
    pub fn copy(&mut self, client: &mut ClientSide, buffer: &mut [u8]) -> io::Result<Activity> {
        let Relayed { backend, to_server, to_client, deadline } = self;
        let was_closed = to_client.is_closed;
        let before = to_server.count + to_client.count;
        unless_blocked(|| client.flush())?;
        // The mail server's last reply comes first: it may not read any more.
        let is_done = to_client.copy(&mut backend.socket, client, buffer)?
            & to_server.copy(client, &mut backend.socket, buffer)?;
        if to_client.is_closed && to_server.is_closed {
            return Ok(Activity::Over);
        }
        if to_client.is_closed && !was_closed {
            *deadline = Instant::now() + CLOSE_TIMEOUT;
        } else if !to_client.is_closed && before != to_server.count + to_client.count {
            *deadline = Instant::now() + SILENCE_TIMEOUT;
        }
        Ok(if is_done { Activity::Waiting } else { Activity::Ready })
    }

    /// Bytes copied to the mail server, and to the client.
    pub fn counts(&self) -> (u64, u64) {
        (self.to_server.count, self.to_client.count)
    }
}
