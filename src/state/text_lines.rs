//! The lines of a text that is imported. Their length is bounded: a text may be
//! anything.

use std::io::{self, BufRead, Read as _};

/// Longest line that is read whole, in bytes.
const MAX_LINE: u64 = 1 << 18;

pub struct TextLines<R> {
    text: R,
    line: Vec<u8>,
    /// The bytes that were read.
    pub done: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextLine<'l> {
    /// Without the line feed. Of a line that is too long, the beginning.
    pub bytes: &'l [u8],
    pub end: LineEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    LineFeed,
    /// It is the last line, and may have been cut off.
    Text,
    TooLong,
}

impl<R: BufRead> TextLines<R> {
    pub fn new(text: R) -> TextLines<R> {
        TextLines { text, line: Vec::new(), done: 0 }
    }

    /// Reads the next line; `None` after the last one.
    pub fn next(&mut self) -> io::Result<Option<TextLine<'_>>> {
        self.line.clear();
        let length = (&mut self.text).take(MAX_LINE).read_until(b'\n', &mut self.line)? as u64;
        self.done += length;
        let end = match self.line.last() {
            None => return Ok(None),
            Some(b'\n') => LineEnd::LineFeed,
            Some(_) if length < MAX_LINE => LineEnd::Text,
            Some(_) => {
                self.done += self.text.skip_until(b'\n')? as u64;
                LineEnd::TooLong
            }
        };
        let bytes = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        Ok(Some(TextLine { bytes, end }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_not_gathered() {
        let text = format!("a\n{}\nb", "x".repeat(3 * MAX_LINE as usize));
        let mut lines = TextLines::new(text.as_bytes());
        let mut found = Vec::new();
        while let Some(TextLine { bytes, end }) = lines.next().unwrap() {
            found.push((bytes.len() as u64, end));
        }
        let expected = [(1, LineEnd::LineFeed), (MAX_LINE, LineEnd::TooLong), (1, LineEnd::Text)];
        assert_eq!(found, expected);
        assert_eq!(lines.done, text.len() as u64);
        assert!(lines.line.capacity() as u64 <= 2 * MAX_LINE);
    }
}
