//! Lines about a message in Postfix's queue: `4F2A: from=<S>, ...`.

use memchr::{memchr, memmem};

/// The longest queue id. Postfix makes up to 20 characters.
const MAX_ID: usize = 30;

pub fn queued(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr(b':', text.get(..=MAX_ID).unwrap_or(text))?;
    is_id(&text[..colon]).then(|| (&text[..colon], &text[colon + 1..]))
}

/// Returns true for hexadecimal digits, and for the letters and digits of
/// `enable_long_queue_ids`.
fn is_id(text: &[u8]) -> bool {
    let is_short = text.iter().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(byte));
    let is_long = text.len() >= 12
        && text.iter().all(u8::is_ascii_alphanumeric)
        && text.iter().any(u8::is_ascii_digit);
    !text.is_empty() && (is_short || is_long)
}

/// Returns the text between a sign and the next `>`.
pub fn bracketed<'t>(text: &'t [u8], sign: &[u8]) -> Option<&'t [u8]> {
    let rest = &text[memmem::find(text, sign)? + sign.len()..];
    Some(&rest[..memchr(b'>', rest)?])
}
