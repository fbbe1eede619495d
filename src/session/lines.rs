//! Lines of a stream, out of pieces of any size, with bounded memory.

/// Bytes of its buffer that a stream keeps for the next lines.
const RETAINED_CAPACITY: usize = 64 * 1024;

/// Bytes that were received and not parsed yet. A line has at most `MAX` bytes, with
/// its end.
#[derive(Debug, Default)]
pub struct Lines<const MAX: usize> {
    bytes: Vec<u8>,
    /// The place of the first unparsed byte.
    start: usize,
    /// True while the rest of a line that is too long arrives.
    is_skipping: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum InputLine {
    /// The line without its line feed.
    Whole(Vec<u8>),
    TooLong,
}

impl<const MAX: usize> Lines<MAX> {
    /// Adds bytes. Ask for all lines before the next call.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..std::mem::take(&mut self.start));
        if self.bytes.is_empty() {
            self.bytes.shrink_to(RETAINED_CAPACITY);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Removes the next line, if it is complete.
    pub fn next_line(&mut self) -> Option<InputLine> {
        let unparsed = self.rest();
        let Some(length) = memchr::memchr(b'\n', unparsed) else {
            if self.is_skipping || unparsed.len() > MAX {
                *self = Lines { is_skipping: true, ..Lines::default() };
            }
            return None;
        };
        let is_too_long = self.is_skipping || length >= MAX;
        let line = if is_too_long {
            InputLine::TooLong
        } else {
            InputLine::Whole(unparsed[..length].to_vec())
        };
        self.is_skipping = false;
        self.start += length + 1;
        Some(line)
    }

    /// Drops up to `count` bytes, and returns how many.
    pub fn skip(&mut self, count: u64) -> u64 {
        let length = self.rest().len();
        let skipped = usize::try_from(count).map_or(length, |count| count.min(length));
        self.start += skipped;
        skipped as u64
    }

    pub fn clear(&mut self) {
        *self = Lines::default();
    }

    /// The bytes that were not parsed.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Releases memory that is not needed between two lines.
    pub fn shrink(&mut self) {
        if self.rest().is_empty() && !self.is_skipping {
            self.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 2048;

    fn lines(input: &[u8], piece: usize) -> Vec<String> {
        let mut found = Vec::new();
        let mut lines = Lines::<MAX>::default();
        for piece in input.chunks(piece) {
            lines.feed(piece);
            while let Some(line) = lines.next_line() {
                found.push(match line {
                    InputLine::Whole(line) => line.escape_ascii().to_string(),
                    InputLine::TooLong => "too long".to_owned(),
                });
            }
            lines.shrink();
            assert!(lines.bytes.len() <= MAX + piece.len());
        }
        found
    }

    #[test]
    fn lines_end_with_line_feeds() {
        for piece in [1, 2, 100] {
            let expected = [r"a\r", "b", r"\r", r"c\rd\r\r"];
            assert_eq!(lines(b"a\r\nb\n\r\nc\rd\r\r\ne", piece), expected);
        }
    }

    #[test]
    fn too_long_line_is_skipped_to_its_end() {
        for (length, expected) in [(MAX - 1, None), (MAX, Some("too long"))] {
            let line = "x".repeat(length);
            for piece in [1, 7, 2048, 100_000] {
                let found = lines(format!("{line}\nNOOP\n").as_bytes(), piece);
                assert_eq!(found, [expected.unwrap_or(&line), "NOOP"], "{length} by {piece}");
            }
        }
        assert_eq!(lines("x".repeat(1_000_000).as_bytes(), 4096), [""; 0]);
        assert_eq!(
            lines((("x".repeat(1_000_000)) + "\nQUIT\n").as_bytes(), 4096),
            ["too long", "QUIT"]
        );
    }
}
