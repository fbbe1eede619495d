//! The lines of `COPY ... FROM stdin`: values between tabs, `\N` for none, and
//! `\.` at the end.

use super::Value;
use super::lexer::{Lexer, unescaped};
use std::io::{self, BufRead};

/// Bytes of a line that are kept.
const LONGEST_LINE: usize = 1 << 14;

/// Calls `take` with the number of each line and its values; without them if
/// the line is too long for any row or has no end.
pub fn read_lines<T: BufRead>(
    lexer: &mut Lexer<T>,
    mut take: impl FnMut(u64, Option<&[Value]>),
) -> io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let number = lexer.line;
        let mut is_whole = false;
        while let Some(byte) = lexer.take()? {
            if byte == b'\n' {
                is_whole = true;
                break;
            }
            if bytes.len() <= LONGEST_LINE {
                bytes.push(byte);
            }
        }
        let text = bytes.strip_suffix(b"\r").unwrap_or(&bytes);
        match text {
            b"\\." => return Ok(()),
            _ if is_whole && text.len() <= LONGEST_LINE => {
                let values: Vec<Value> = text.split(|byte| *byte == b'\t').map(value).collect();
                take(number, Some(&values));
            }
            b"" => return Ok(()),
            _ => take(number, None),
        }
        if !is_whole {
            return Ok(());
        }
    }
}

fn value(field: &[u8]) -> Value {
    if field == b"\\N" {
        return Value::Null;
    }
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            // A backslash at the end is one that somebody cut.
            b'\\' => rest.next().map_or(b'\\', |byte| unescaped(*byte)),
            byte => *byte,
        });
    }
    Value::Bytes(bytes)
}
