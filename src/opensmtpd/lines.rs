//! Lines from smtpd, out of pieces of any size.

use std::mem;

/// The longest line. A line of a message has at most 65,535 bytes in smtpd.
const MAX_LINE: usize = 1024 * 1024;

/// Bytes of the buffer that are kept for the next lines.
const RETAINED_CAPACITY: usize = 64 * 1024;

/// Received bytes that are not processed yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    start: usize,
    /// Bytes of it that contain no line feed.
    searched: usize,
    /// True while the rest of a line that is too long arrives.
    is_skipping: bool,
}

impl Lines {
    /// Adds bytes. Ask for all lines before the next call.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..mem::take(&mut self.start));
        if self.buffer.is_empty() {
            self.buffer.shrink_to(RETAINED_CAPACITY);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next complete line, without its end. Of a line that is too
    /// long, only the beginning is returned.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        loop {
            let rest = &self.buffer[self.start..];
            let found = memchr::memchr(b'\n', &rest[self.searched..]);
            let length = match found {
                Some(at) => self.searched + at,
                None if rest.len() > MAX_LINE => MAX_LINE,
                None => {
                    self.searched = rest.len();
                    return None;
                }
            };
            let start = self.start;
            self.start = if found.is_some() { start + length + 1 } else { self.buffer.len() };
            self.searched = 0;
            if !mem::replace(&mut self.is_skipping, found.is_none()) {
                return Some(&self.buffer[start..start + length]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.feed(piece);
            while let Some(line) = lines.next() {
                found.push(line.to_vec());
            }
        }
        found
    }

    #[test]
    fn lines_do_not_depend_on_the_pieces() {
        let text = b"one\n\ntwo three\r\nfour";
        for size in 1..=text.len() {
            let found = all(&text.chunks(size).collect::<Vec<_>>());
            assert_eq!(found, [&b"one"[..], b"", b"two three\r"], "{size}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_takes_no_more_memory() {
        let piece = vec![b'x'; 300_000];
        let mut pieces = vec![&piece[..]; 20];
        pieces.push(b"\nnext\n");
        let found = all(&pieces);
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [MAX_LINE, 4]);
        let mut lines = Lines::default();
        for piece in &pieces {
            lines.feed(piece);
            while lines.next().is_some() {}
            assert!(lines.buffer.capacity() < 4 * MAX_LINE);
        }
    }
}
