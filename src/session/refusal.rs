//! The line of SMTP that refuses a recipient.

/// Bytes of the text that are sent. Mail servers accept a line of 980.
const MAX_TEXT: usize = 900;

/// Builds a reply of one line, without its end, that refuses a recipient.
///
/// The text gets an enhanced status code (RFC 3463) unless it begins with one
/// of the same class: Postfix requires one of a milter.
pub(super) fn line(code: [u8; 3], text: &[u8]) -> Vec<u8> {
    let mut reply = code.to_vec();
    reply.push(b' ');
    if !has_status(text, code[0]) {
        reply.extend_from_slice(&[code[0], b'.', b'7', b'.', b'1', b' ']);
    }
    push_text(&mut reply, &text[..text.len().min(MAX_TEXT)]);
    reply
}

/// Returns true if a text begins with an enhanced status code of this class.
fn has_status(text: &[u8], class: u8) -> bool {
    let word = text.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let numbers: Vec<&[u8]> = word.split(|byte| *byte == b'.').collect();
    let is_number =
        |text: &&[u8]| (1..=3).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    numbers.len() == 3 && numbers[0] == [class] && numbers.iter().all(is_number)
}

/// Appends a text of one line. Replies are ASCII (RFC 5321 section 4.2);
/// Sendmail clears the highest bit of other bytes, which makes line feeds of
/// some.
fn push_text(reply: &mut Vec<u8>, text: &[u8]) {
    for letter in String::from_utf8_lossy(text).chars() {
        match u8::try_from(letter) {
            Ok(byte) if byte.is_ascii_control() => reply.push(b' '),
            Ok(byte) if byte.is_ascii() => reply.push(byte),
            _ => reply.push(b'?'),
        }
    }
}
