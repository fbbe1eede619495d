//! One JSON object a line (RFC 8259).

use std::fmt::Write as _;
use std::io::{self, Write};

/// A JSON object under construction.
#[derive(Debug)]
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

    /// Adds a number.
    pub fn number(mut self, name: &str, value: impl Into<i128>) -> Object {
        self.name(name);
        let _ = write!(self.text, "{}", value.into());
        self
    }

    /// Writes the object as a line.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn write(mut self, out: &mut impl Write) -> io::Result<()> {
        self.text.push_str("}\n");
        out.write_all(self.text.as_bytes())
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
                '\u{7f}' | '\0'..'\x20' => {
                    let _ = write!(self.text, "\\u{:04x}", u32::from(character));
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
    fn what_is_special_in_json_is_escaped() {
        let mut line = Vec::new();
        let object = Object::new().text("a\"b", "\\\n\x7f\u{e9}").number("n", -5);
        object.text("raw", b"\xff").write(&mut line).unwrap();
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "{\"a\\\"b\":\"\\\\\\u000a\\u007f\u{e9}\",\"n\":-5,\"raw\":\"\u{fffd}\"}\n"
        );
    }
}
