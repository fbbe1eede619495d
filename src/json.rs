//! One JSON object a line (RFC 8259).

use crate::printable::is_harmless;
use std::fmt::Write as _;
use std::io::{self, Write};

#[derive(Clone, Debug)]
pub struct Object {
    text: String,
}

impl Object {
    /// An object without fields.
    pub fn new() -> Object {
        Object { text: String::from("{") }
    }

    /// Adds a text. Bytes that are not UTF-8 become U+FFFD, as JSON has
    /// nothing else for them.
    pub fn text(mut self, name: &str, value: impl AsRef<[u8]>) -> Object {
        self.name(name);
        self.quoted(&String::from_utf8_lossy(value.as_ref()));
        self
    }

    pub fn number(mut self, name: &str, value: impl Into<i128>) -> Object {
        self.name(name);
        let _ = write!(self.text, "{}", value.into());
        self
    }

    pub fn truth(mut self, name: &str, value: bool) -> Object {
        self.name(name);
        self.text.push_str(if value { "true" } else { "false" });
        self
    }

    /// The object as text: UTF-8 without any character that
    /// steers a terminal.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.text.push('}');
        self.text.into_bytes()
    }

    /// Writes the object as a line.
    pub fn write(self, out: &mut impl Write) -> io::Result<()> {
        let mut line = self.into_bytes();
        line.push(b'\n');
        out.write_all(&line)
    }

    fn name(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.quoted(name);
        self.text.push(':');
    }

    fn quoted(&mut self, text: &str) {
        self.text.push('"');
        for character in text.chars() {
            match character {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                control if !is_harmless(control) => {
                    let _ = write!(self.text, "\\u{:04x}", u32::from(control));
                }
                other => self.text.push(other),
            }
        }
        self.text.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_are_escaped() {
        let mut line = Vec::new();
        let object = Object::new().text("a\"b", "\\\n\x7f\u{9b}\u{e9}\u{202e}").number("n", -5);
        object.truth("is", true).text("raw", b"\xff").write(&mut line).unwrap();
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "{\"a\\\"b\":\"\\\\\\u000a\\u007f\\u009b\u{e9}\\u202e\",\"n\":-5,\"is\":true,\"raw\":\"\u{fffd}\"}\n"
        );
    }
}
