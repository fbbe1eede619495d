//! Lines and chunks from a client, with bounded memory.

/// Bytes of the longest command line, with its end: 512 (RFC 5321 section
/// 4.5.3.1.4) and room for the parameters of all extensions.
pub const MAX_LINE: usize = 2048;

/// Bytes that were received and not parsed yet.
#[derive(Debug, Default)]
pub struct Input {
    bytes: Vec<u8>,
    /// The place of the first unparsed byte.
    start: usize,
    /// The rest of a line that is too long is skipped.
    is_skipping: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// The line without its end.
    Whole(Vec<u8>),
    /// A line that was longer than [`MAX_LINE`].
    TooLong,
}

impl Input {
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Removes the next line, if it is complete.
    pub fn next_line(&mut self) -> Option<Line> {
        let unparsed = &self.bytes[self.start..];
        let Some(length) = memchr::memchr(b'\n', unparsed) else {
            if self.is_skipping || unparsed.len() > MAX_LINE {
                *self = Input { is_skipping: true, ..Input::default() };
            }
            return None;
        };
        let line = &unparsed[..length];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let is_too_long = std::mem::take(&mut self.is_skipping) || length >= MAX_LINE;
        let line = if is_too_long { Line::TooLong } else { Line::Whole(line.to_vec()) };
        self.start += length + 1;
        Some(line)
    }

    /// Drops up to `count` bytes, and returns how many.
    pub fn skip(&mut self, count: u64) -> u64 {
        let length = self.bytes.len() - self.start;
        let skipped = usize::try_from(count).map_or(length, |count| count.min(length));
        self.start += skipped;
        skipped as u64
    }

    pub fn clear(&mut self) {
        *self = Input::default();
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

    fn lines(input: &[u8], piece: usize) -> Vec<String> {
        let mut found = Vec::new();
        let mut lines = Input::default();
        for piece in input.chunks(piece) {
            lines.feed(piece);
            while let Some(line) = lines.next_line() {
                found.push(match line {
                    Line::Whole(line) => line.escape_ascii().to_string(),
                    Line::TooLong => "too long".to_owned(),
                });
            }
            lines.shrink();
            assert!(lines.bytes.len() <= MAX_LINE + piece.len());
        }
        found
    }

    #[test]
    fn lines_end_with_line_feeds() {
        for piece in [1, 2, 100] {
            assert_eq!(lines(b"a\r\nb\n\r\nc\rd\r\r\ne", piece), ["a", "b", "", r"c\rd\r"]);
        }
    }

    #[test]
    fn too_long_line_is_skipped_to_its_end() {
        for (length, expected) in [(MAX_LINE - 2, None), (MAX_LINE - 1, Some("too long"))] {
            let line = "x".repeat(length);
            for piece in [1, 7, 2048, 100_000] {
                let found = lines(format!("{line}\r\nNOOP\r\n").as_bytes(), piece);
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
