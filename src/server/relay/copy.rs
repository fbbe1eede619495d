//! A connection after the hand-over: bytes are copied both ways, unchanged, in little
//! memory.

use super::backend::BackendConnection;
use super::shared::Activity;
use super::stream::{ClientSide, Side};
use crate::daemon::nonblocking::{unless_blocked, write_out};
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

/// Reads from one side before other connections have their turn.
const MAX_ROUNDS: usize = 16;

struct Direction {
    /// Bytes that were read and not written yet. Nothing more is read before
    /// they are written.
    pending: Vec<u8>,
    is_over: bool,
    is_closed: bool,
    /// Bytes that were written.
    count: u64,
}

impl Direction {
    fn new(pending: Vec<u8>) -> Direction {
        Direction { pending, is_over: false, is_closed: false, count: 0 }
    }

    /// Copies from one side to the other until one of them has to be waited
    /// for. Returns false if it stopped before, so that others have their turn.
    fn copy(
        &mut self,
        from: &mut dyn Side,
        to: &mut dyn Side,
        buffer: &mut [u8],
    ) -> io::Result<bool> {
        for _ in 0..MAX_ROUNDS {
            let write = |bytes: &[u8]| {
                let count = to.write(bytes)?;
                self.count += count as u64;
                Ok(count)
            };
            if !write_out(&mut self.pending, write)? {
                return Ok(true);
            }
            if self.is_over {
                if !self.is_closed && unless_blocked(|| to.flush())?.is_some() {
                    to.close_write();
                    self.is_closed = true;
                }
                return Ok(true);
            }
            match unless_blocked(|| from.read(buffer)) {
                Ok(Some(0)) | Err(_) => self.is_over = true,
                Ok(Some(count)) => self.pending.extend_from_slice(&buffer[..count]),
                Ok(None) => {
                    self.pending = Vec::new();
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    /// A side that can be read this often, and always has room.
    struct Fast(usize);

    impl Read for Fast {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::WouldBlock)?;
            Ok(buffer.len())
        }
    }

    impl Write for Fast {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Side for Fast {
        fn close_write(&mut self) {}
    }

    #[test]
    fn sides_that_never_pause_do_not_hold_up_others() {
        let mut direction = Direction::new(Vec::new());
        let (mut from, mut to) = (Fast(3 * MAX_ROUNDS / 2), Fast(0));
        let mut turn = || direction.copy(&mut from, &mut to, &mut [0; 10]).unwrap();
        assert_eq!([turn(), turn()], [false, true]);
        assert_eq!(direction.count, 10 * 3 * MAX_ROUNDS as u64 / 2);
    }
}
