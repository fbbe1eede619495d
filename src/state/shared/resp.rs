//! The protocol of Redis and Valkey (RESP 2): commands to bytes, bytes to values.
//! No I/O.
//!
//! Replies may come from a server that is broken or not a Redis: their size is
//! bounded before any memory is taken for it.

use std::io::Write as _;

/// Bytes of the longest reply: a slice of records is far smaller.
pub const MAX_REPLY: usize = 4 << 20;

/// Elements of the longest array.
const MAX_ELEMENTS: usize = 1 << 16;

/// Arrays within arrays: `CLUSTER SLOTS` has four levels.
const MAX_DEPTH: usize = 6;

/// Characters of the longest error message.
const MAX_MESSAGE: usize = 200;

/// Bytes of a line that is not a bulk string.
const MAX_LINE: usize = 4096;

/// Appends a command.
pub fn encode<'p>(
    parts: impl IntoIterator<Item = &'p [u8], IntoIter: ExactSizeIterator>,
) -> Vec<u8> {
    let parts = parts.into_iter();
    let mut bytes = format!("*{}\r\n", parts.len()).into_bytes();
    for part in parts {
        let _ = write!(bytes, "${}\r\n", part.len());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Nil,
    Integer(i64),
    /// A status or a string.
    Text(Vec<u8>),
    /// An error, fit for the log; the first word is its kind.
    Error(String),
    Array(Vec<Value>),
}

impl Value {
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn elements(&self) -> Option<&[Value]> {
        match self {
            Value::Array(values) => Some(values),
            _ => None,
        }
    }

    pub fn error(&self) -> Option<&str> {
        match self {
            Value::Error(error) => Some(error),
            _ => None,
        }
    }
}

/// Bytes that are not a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Parses the reply at the start of the input, and returns it with its length;
/// `None` if it is incomplete.
pub fn parse(input: &[u8]) -> Result<Option<(Value, usize)>, Malformed> {
    let mut parser = Parser { input, position: 0 };
    match parser.value(0) {
        Ok(value) => Ok(Some((value, parser.position))),
        Err(Stop::Incomplete) if input.len() < MAX_REPLY => Ok(None),
        Err(_) => Err(Malformed),
    }
}

/// The reason why there is no value.
enum Stop {
    Incomplete,
    Malformed,
}

struct Parser<'i> {
    input: &'i [u8],
    position: usize,
}

impl<'i> Parser<'i> {
    fn value(&mut self, depth: usize) -> Result<Value, Stop> {
        let line = self.line()?;
        let Some((kind, rest)) = line.split_first() else {
            return Err(Stop::Malformed);
        };
        match kind {
            b'+' => Ok(Value::Text(rest.to_vec())),
            b'-' => Ok(Value::Error(printable(rest))),
            b':' => number(rest).map(Value::Integer),
            b'$' => match length(rest, MAX_REPLY)? {
                None => Ok(Value::Nil),
                Some(length) => self.bulk(length),
            },
            b'*' if depth < MAX_DEPTH => match length(rest, MAX_ELEMENTS)? {
                None => Ok(Value::Nil),
                Some(length) => {
                    let values = (0..length).map(|_| self.value(depth + 1));
                    values.collect::<Result<_, _>>().map(Value::Array)
                }
            },
            _ => Err(Stop::Malformed),
        }
    }

    fn line(&mut self) -> Result<&'i [u8], Stop> {
        let rest = &self.input[self.position..];
        let Some(end) = memchr::memmem::find(rest, b"\r\n") else {
            return Err(if rest.len() < MAX_LINE { Stop::Incomplete } else { Stop::Malformed });
        };
        self.position += end + 2;
        Ok(&rest[..end])
    }

    fn bulk(&mut self, length: usize) -> Result<Value, Stop> {
        let rest = &self.input[self.position..];
        let (text, rest) = rest.split_at_checked(length).ok_or(Stop::Incomplete)?;
        match rest {
            [b'\r', b'\n', ..] => {
                self.position += length + 2;
                Ok(Value::Text(text.to_vec()))
            }
            [] | [b'\r'] => Err(Stop::Incomplete),
            _ => Err(Stop::Malformed),
        }
    }
}

/// An error message without control characters, which a broken server may send.
fn printable(message: &[u8]) -> String {
    let message = String::from_utf8_lossy(message);
    message.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect()
}

/// A length; `None` for -1, which stands for no value.
fn length(digits: &[u8], max: usize) -> Result<Option<usize>, Stop> {
    match number(digits)? {
        -1 => Ok(None),
        length => match usize::try_from(length) {
            Ok(length) if length <= max => Ok(Some(length)),
            _ => Err(Stop::Malformed),
        },
    }
}

fn number(digits: &[u8]) -> Result<i64, Stop> {
    let text = std::str::from_utf8(digits).map_err(|_| Stop::Malformed)?;
    text.parse().map_err(|_| Stop::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.as_bytes().to_vec())
    }

    #[test]
    fn a_command_is_an_array_of_strings() {
        let parts: [&[u8]; 3] = [b"SET", b"k", b"a\r\nb"];
        assert_eq!(encode(parts), b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n");
    }

    #[test]
    fn replies_are_parsed_wherever_they_are_cut() {
        let table = [
            ("+OK\r\n", text("OK")),
            (
                "-NOSCRIPT No matching script.\r\n",
                Value::Error("NOSCRIPT No matching script.".into()),
            ),
            ("-ERR a\x1b[2J\nb\r\n", Value::Error("ERR a[2Jb".into())),
            (":-7\r\n", Value::Integer(-7)),
            ("$-1\r\n", Value::Nil),
            ("*-1\r\n", Value::Nil),
            ("$0\r\n\r\n", text("")),
            ("$4\r\na\r\nb\r\n", text("a\r\nb")),
            ("*0\r\n", Value::Array(Vec::new())),
            (
                "*3\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n+b\r\n",
                Value::Array(vec![
                    text("a"),
                    Value::Array(vec![Value::Integer(1), Value::Nil]),
                    text("b"),
                ]),
            ),
        ];
        for (bytes, value) in table {
            for end in 0..bytes.len() {
                assert_eq!(parse(&bytes.as_bytes()[..end]), Ok(None), "{bytes:?} {end}");
            }
            let more = [bytes.as_bytes(), b"+NEXT\r\n"].concat();
            assert_eq!(parse(&more), Ok(Some((value, bytes.len()))), "{bytes:?}");
        }
    }

    #[test]
    fn other_bytes_are_malformed() {
        let deep = "*1\r\n".repeat(MAX_DEPTH + 1);
        let long = "x".repeat(MAX_LINE);
        for bytes in [
            "\r\n",
            "HTTP/1.1 400 Bad Request\r\n",
            ":x\r\n",
            "$-2\r\n",
            "$99999999999999999999\r\n",
            "$999999999\r\n",
            "*999999999\r\n",
            "$1\r\nab\r\n",
            "*1\r\n?\r\n",
            &deep,
            &long,
        ] {
            assert_eq!(parse(bytes.as_bytes()), Err(Malformed), "{bytes:?}");
        }
        let large = [b"$4194304\r\n".as_slice(), &[b'x'; MAX_REPLY]].concat();
        assert_eq!(parse(&large), Err(Malformed), "a reply of more than {MAX_REPLY} bytes");
    }
}
