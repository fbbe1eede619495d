//! Copies bytes from one side to the other, unchanged, in little memory.

use super::stream::Side;
use crate::daemon::nonblocking::unless_blocked;
use std::io;

/// Reads from one side before other connections have their turn.
const MAX_ROUNDS: usize = 16;

pub struct Direction {
    /// Bytes that were read and not written yet. Nothing more is read before
    /// they are written.
    pending: Vec<u8>,
    is_over: bool,
    pub is_closed: bool,
    /// Bytes that were written.
    pub count: u64,
}

impl Direction {
    /// A direction that begins with these bytes.
    pub fn new(pending: Vec<u8>) -> Direction {
        Direction { pending, is_over: false, is_closed: false, count: 0 }
    }

    /// Copies from one side to the other until one of them has to be waited
    /// for. Returns false if it stopped before, so that others have their turn.
    pub fn copy(
        &mut self,
        from: &mut dyn Side,
        to: &mut dyn Side,
        buffer: &mut [u8],
    ) -> io::Result<bool> {
        for _ in 0..MAX_ROUNDS {
            while !self.pending.is_empty() {
                match unless_blocked(|| to.write(&self.pending))? {
                    Some(count) => {
                        self.count += count as u64;
                        self.pending.drain(..count);
                    }
                    None => return Ok(true),
                }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A side that can be read this often, and always has room.
    struct Fast(usize);

    impl Side for Fast {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::WouldBlock)?;
            Ok(buffer.len())
        }

        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }

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
