//! Reading the text, in both forms that `db_dump` has: printable bytes as they
//! are (`-p`), or all bytes in hexadecimal.

use super::{DATA_END, HEADER_END};
use crate::state::text_lines::{LineEnd, TextLine, TextLines};
use std::io::{self, BufRead};

/// Returns true if a text that begins so is a dump.
pub fn is_dump(start: &[u8]) -> bool {
    start.starts_with(b"VERSION=")
}

/// Calls `row` for each pair of a dump, which may hold several databases one after the
/// other: with the name of the database, if it has one, the key and the value, `None` if
/// they are unreadable, and the bytes read so far.
pub fn read<R: BufRead>(
    lines: &mut TextLines<R>,
    mut row: impl FnMut(Option<&str>, Option<&[u8]>, Option<&[u8]>, u64),
) -> io::Result<()> {
    while let Some(Header { name, is_print }) = read_header(lines)? {
        let name = name.as_deref();
        while let Some(line) = lines.next()?.filter(|line| !is(line, DATA_END)) {
            let key = decode(line, is_print);
            let Some(line) = lines.next()?.filter(|line| !is(line, DATA_END)) else {
                row(name, None, None, lines.done);
                break;
            };
            let value = decode(line, is_print);
            row(name, key.as_deref(), value.as_deref(), lines.done);
        }
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Header {
    name: Option<String>,
    is_print: bool,
}

/// Reads up to the first row. `None` at the end of the text.
fn read_header<R: BufRead>(lines: &mut TextLines<R>) -> io::Result<Option<Header>> {
    let mut header = Header::default();
    while let Some(line) = lines.next()? {
        if is(&line, HEADER_END) {
            return Ok(Some(header));
        }
        if let Some(name) = line.bytes.strip_prefix(b"database=") {
            header.name = Some(String::from_utf8_lossy(name).into_owned());
        }
        header.is_print |= is(&line, "format=print");
    }
    Ok(None)
}

fn is(line: &TextLine<'_>, word: &str) -> bool {
    line.bytes == word.as_bytes()
}

/// Decodes the key or value of a line; `None` if it is unreadable.
fn decode(line: TextLine<'_>, is_print: bool) -> Option<Vec<u8>> {
    let text = line.bytes.strip_prefix(b" ").filter(|_| line.end == LineEnd::LineFeed)?;
    if is_print { unescape(text) } else { from_hexadecimal(text) }
}

fn unescape(mut text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
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
    Some(bytes)
}

/// Returns the bytes that two hexadecimal digits each stand for.
pub fn from_hexadecimal(digits: &[u8]) -> Option<Vec<u8>> {
    digits.chunks(2).map(|pair| byte(*pair.first()?, *pair.get(1)?)).collect()
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
        let shown = |field: Option<&[u8]>| {
            field.map_or("?".to_string(), |bytes| bytes.escape_ascii().to_string())
        };
        read(&mut TextLines::new(text), |name, key, value, _| {
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
