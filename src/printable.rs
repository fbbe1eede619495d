//! Foreign text on a terminal or in a log.

use std::fmt::Write;

/// Escapes characters that steer a terminal or change the direction of text:
/// control characters and Unicode's bidirectional formatting.
pub fn printable(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmless(character) {
            escaped.push(character);
        } else {
            let _ = write!(escaped, "{}", character.escape_default());
        }
    }
    escaped
}

/// The same for bytes, of which those that are not UTF-8 stay, as they may be
/// Latin-1, except its control characters.
pub fn printable_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        escaped.extend_from_slice(printable(chunk.valid()).as_bytes());
        for byte in chunk.invalid() {
            match byte {
                0x80..=0x9f => escaped.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
                letter => escaped.push(*letter),
            }
        }
    }
    escaped
}

/// Returns true if a character only shows itself.
pub fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' // marks of a direction
            | '\u{2028}' | '\u{2029}' // separators of lines and paragraphs
            | '\u{202a}'..='\u{202e}' // embeddings and overrides
            | '\u{2066}'..='\u{2069}') // isolates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_bidirectional_characters_are_escaped() {
        assert_eq!(printable("a\x1b[2J\u{9b}b\n\u{e9}"), "a\\u{1b}[2J\\u{9b}b\\n\u{e9}");
        for character in ['\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}', '\u{7f}', '\u{85}'] {
            assert!(!is_harmless(character), "{character:?}");
        }
        assert!("grüße@例え.テスト".chars().all(is_harmless));
    }

    #[test]
    fn bytes_that_are_not_utf_8_stay_except_controls() {
        assert_eq!(printable_bytes(b"caf\xe9 \x9b2J\x1b"), b"caf\xe9 \\x9b2J\\u{1b}");
    }
}
