//! Replies as packets.

use super::packet;
use crate::session::refusal;

/// Bytes of a reason that are sent.
const MAX_REASON: usize = 900;

/// Appends the refusal of a recipient, with an SMTP code. Sendmail uses the text
/// as a printf format, so that percent signs, also of the recipient's address,
/// are doubled; Postfix undoes this.
pub(super) fn refusal(output: &mut Vec<u8>, code: [u8; 3], text: &[u8]) {
    let mut reply = Vec::new();
    for byte in refusal::line(code, text) {
        reply.push(byte);
        reply.extend((byte == b'%').then_some(byte));
    }
    packet::push(output, b'y', &[&reply, b"\0"]);
}

/// Appends the packet that keeps the message in the mail server's queue.
pub(super) fn quarantine(output: &mut Vec<u8>, reason: &[u8]) {
    let one_line = |byte: &u8| if byte.is_ascii_control() { b' ' } else { *byte };
    let reason: Vec<u8> = reason.iter().take(MAX_REASON).map(one_line).collect();
    packet::push(output, b'q', &[&reason, b"\0"]);
}

pub(super) fn discard(output: &mut Vec<u8>) {
    packet::push(output, b'd', &[]);
}

/// Appends the packet that inserts a header, `Name: value`, before all others.
/// Invalid headers (RFC 5322 section 2.2) are omitted.
pub(super) fn header(output: &mut Vec<u8>, header: &[u8]) {
    let Some(colon) = header.iter().position(|byte| *byte == b':') else {
        return;
    };
    let (name, value) = (&header[..colon], header[colon + 1..].trim_ascii_start());
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return;
    }
    let one_line = |byte: &u8| if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { *byte };
    let value: Vec<u8> = value.iter().map(one_line).collect();
    packet::push(output, b'i', &[&[0; 4], name, b"\0", &value, b"\0"]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(code: &[u8; 3], text: &str) -> String {
        let mut output = Vec::new();
        refusal(&mut output, *code, text.as_bytes());
        assert_eq!(output[..4], u32::try_from(output.len() - 4).unwrap().to_be_bytes());
        String::from_utf8(output[4..].to_vec()).unwrap()
    }

    #[test]
    fn a_refusal_has_a_status_of_the_same_class_as_its_code() {
        let table = [
            (b"451", "Greylisted", "y451 4.7.1 Greylisted\0"),
            (b"450", "Greylisted", "y450 4.7.1 Greylisted\0"),
            (b"451", "4.2.0 Greylisted", "y451 4.2.0 Greylisted\0"),
            (b"451", "5.2.0 Greylisted", "y451 4.7.1 5.2.0 Greylisted\0"),
            (b"451", "4 seconds", "y451 4.7.1 4 seconds\0"),
            (b"550", "No", "y550 5.7.1 No\0"),
        ];
        for (code, text, reply) in table {
            assert_eq!(text_of(code, text), reply, "{text}");
        }
    }

    #[test]
    fn the_text_is_escaped_as_one_line_of_ascii() {
        assert_eq!(text_of(b"451", "100% of %n"), "y451 4.7.1 100%% of %%n\0");
        assert_eq!(text_of(b"451", "a\r\nb\0c\td"), "y451 4.7.1 a  b c d\0");
        assert_eq!(text_of(b"451", "gr\u{fc}\u{df} \u{44a}"), "y451 4.7.1 gr?? ?\0");
        assert_eq!(text_of(b"451", &"%".repeat(5000)).len(), "y451 4.7.1 \0".len() + 2 * 900);
    }

    #[test]
    fn the_reason_of_a_quarantine_is_one_line_of_a_bounded_length() {
        let mut output = Vec::new();
        quarantine(&mut output, b"100%\r\nb\0c");
        assert_eq!(output[4..], *b"q100%  b c\0");
        output.clear();
        quarantine(&mut output, &[b'x'; 5000]);
        assert_eq!(output.len(), 4 + 1 + 900 + 1);
    }

    #[test]
    fn a_header_is_split_and_an_invalid_one_omitted() {
        let mut output = Vec::new();
        header(&mut output, b"X-Greylist:  delayed\r 3 seconds: by");
        assert_eq!(output[4..], *b"i\0\0\0\0X-Greylist\0delayed  3 seconds: by\0");
        for none in [b"X-Greylist".as_slice(), b": x", b"X Grey: x", b"", b"X\0: y"] {
            output.clear();
            header(&mut output, none);
            assert_eq!(output, b"", "{}", none.escape_ascii());
        }
    }
}
