//! Reading the text, in both forms that `db_dump` has: printable bytes as they
//! are (`-p`), or all bytes in hexadecimal.

use super::{DATA_END, HEADER_END};
use std::io::{self, BufRead, Read};

/// Longest line that is read whole, in bytes.
const MAX_LINE: u64 = 1 << 18;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    Bytes(&'a [u8]),
    Unreadable,
}

/// Returns true if a text that begins so is a dump.
pub fn is_dump(start: &[u8]) -> bool {
    start.starts_with(b"VERSION=")
}

/// Calls `row` for each pair of a dump, which may hold several databases one
/// after the other, with the name of the database, if it has one.
pub fn read(
    mut text: impl BufRead,
    mut row: impl FnMut(Option<&str>, Field<'_>, Field<'_>),
) -> io::Result<()> {
    let (mut key, mut value) = (Line::default(), Line::default());
    while let Some(header) = read_header(&mut text, &mut key)? {
        while key.read(&mut text)? && !key.is(DATA_END) {
            if !value.read(&mut text)? || value.is(DATA_END) {
                row(header.name(), Field::Unreadable, Field::Unreadable);
                break;
            }
            row(header.name(), key.field(header.is_print), value.field(header.is_print));
        }
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Header {
    name: Option<String>,
    is_print: bool,
}

impl Header {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// Reads up to the first row. `None` at the end of the text.
fn read_header(text: &mut impl BufRead, line: &mut Line) -> io::Result<Option<Header>> {
    let mut header = Header::default();
    while line.read(text)? {
        if line.is(HEADER_END) {
            return Ok(Some(header));
        }
        if let Some(name) = line.bytes.strip_prefix(b"database=") {
            header.name = Some(String::from_utf8_lossy(name).into_owned());
        }
        header.is_print |= line.is("format=print");
    }
    Ok(None)
}

/// A line without its end, and the field decoded from it.
#[derive(Debug, Default)]
struct Line {
    bytes: Vec<u8>,
    is_whole: bool,
    field: Vec<u8>,
}

impl Line {
    /// Reads the next one; `false` after the last.
    fn read(&mut self, text: &mut impl BufRead) -> io::Result<bool> {
        self.bytes.clear();
        let read = Read::take(&mut *text, MAX_LINE).read_until(b'\n', &mut self.bytes)?;
        self.is_whole = self.bytes.ends_with(b"\n");
        if self.is_whole {
            self.bytes.pop();
        }
        if !self.is_whole && read as u64 == MAX_LINE {
            text.skip_until(b'\n')?;
        }
        Ok(read > 0)
    }

    fn is(&self, word: &str) -> bool {
        self.bytes == word.as_bytes()
    }

    fn field(&mut self, is_print: bool) -> Field<'_> {
        self.field.clear();
        let text = self.bytes.strip_prefix(b" ").filter(|_| self.is_whole);
        let decode = if is_print { unescape } else { from_hexadecimal };
        match text.and_then(|text| decode(text, &mut self.field)) {
            Some(()) => Field::Bytes(&self.field),
            None => Field::Unreadable,
        }
    }
}

fn unescape(mut text: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    while let Some(at) = memchr::memchr(b'\\', text) {
        bytes.extend_from_slice(&text[..at]);
        text = match &text[at + 1..] {
            [b'\\', rest @ ..] => {
                bytes.push(b'\\');
                rest
            }
            [high, low, rest @ ..] => {
                bytes.push(byte(*high, *low)?);
                rest
            }
            _ => return None,
        };
    }
    bytes.extend_from_slice(text);
    Some(())
}

fn from_hexadecimal(text: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    for pair in text.chunks(2) {
        let [high, low] = *pair else {
            return None;
        };
        bytes.push(byte(high, low)?);
    }
    Some(())
}

fn byte(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[u8]) -> Vec<(String, String, String)> {
        let mut rows = Vec::new();
        let shown = |field: Field<'_>| match field {
            Field::Bytes(bytes) => bytes.escape_ascii().to_string(),
            Field::Unreadable => "?".to_string(),
        };
        read(text, |name, key, value| {
            rows.push((name.unwrap_or("-").to_string(), shown(key), shown(value)));
        })
        .unwrap();
        rows
    }

    fn row(name: &str, key: &str, value: &str) -> (String, String, String) {
        (name.to_string(), key.to_string(), value.to_string())
    }

    #[test]
    fn written_dumps_are_read() {
        let mut text = Vec::new();
        let all: Vec<u8> = (0..=255).collect();
        for name in ["triplets", "clients"] {
            super::super::write_header(&mut text, Some(name)).unwrap();
            super::super::write_row(&mut text, name.as_bytes(), &all).unwrap();
            super::super::write_row(&mut text, b"", b"\\c3").unwrap();
            super::super::write_end(&mut text).unwrap();
        }
        let all = all.escape_ascii().to_string();
        let expected = ["triplets", "clients"].map(|name| {
            [row(name, name, &all), row(name, "", &b"\\c3".escape_ascii().to_string())]
        });
        assert_eq!(rows(&text), expected.concat());
    }

    #[test]
    fn hexadecimal_is_read() {
        let text =
            "VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n 61C3\n 3a\n \n \nDATA=END\n";
        assert!(is_dump(text.as_bytes()));
        assert_eq!(rows(text.as_bytes()), [row("-", "a\\xc3", ":"), row("-", "", "")]);
    }

    #[test]
    fn a_broken_line_spoils_its_own_row_only() {
        let start = "VERSION=3\nformat=print\nHEADER=END\n";
        for line in ["no blank", " \\4", " \\", " \\xy"] {
            let text = format!("{start} a\n{line}\n{line}\n b\n c\n d\nDATA=END\n");
            let expected = [row("-", "a", "?"), row("-", "?", "b"), row("-", "c", "d")];
            assert_eq!(rows(text.as_bytes()), expected, "{line}");
        }
        let odd = format!("{start} a\nDATA=END\n");
        assert_eq!(rows(odd.as_bytes()), [row("-", "?", "?")]);
        let cut = format!("{start} a\n b\n c\n 12");
        assert_eq!(rows(cut.as_bytes()), [row("-", "a", "b"), row("-", "c", "?")]);
    }

    #[test]
    fn lines_without_end_are_not_gathered() {
        let long = "a".repeat(3 << 18);
        let text = format!("VERSION=3\nformat=print\nHEADER=END\n {long}\n b\n c\n d\nDATA=END\n");
        assert_eq!(rows(text.as_bytes()), [row("-", "?", "b"), row("-", "c", "d")]);
    }
}
