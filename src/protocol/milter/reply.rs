//! From an answer to the bytes that a mail server understands.

use super::{CONTINUE, packet};

/// The code of a deferral where `--greylist-action` names none.
const CODE: &[u8; 3] = b"451";

/// The code for `--greylist-action=REJECT`, which rejects for good.
const REJECTION: &[u8; 3] = b"554";

/// Actions of Postfix's access(5) that let mail pass: with one of them, an
/// administrator watches what greylisting would do.
const PASSING: &[&[u8]] = &[b"dunno", b"ok", b"permit", b"info", b"warn", b"prepend"];

/// Bytes of the text that are told. Both mail servers take a line of 980.
const LONGEST_TEXT: usize = 900;

/// Appends the answer to a recipient who has to wait. `action` is the word of
/// `--greylist-action`: a code of SMTP is taken as it is, other words mean what
/// they do to Postfix.
///
/// The text gets an enhanced status code (RFC 3463) unless it begins with one
/// of the same class, because Postfix takes no reply without.
pub(super) fn deferral(output: &mut Vec<u8>, action: &[u8], text: &[u8]) {
    let word = action.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    if PASSING.iter().any(|passing| word.eq_ignore_ascii_case(passing)) {
        output.extend_from_slice(CONTINUE);
        return;
    }
    let code = code(word);
    let mut reply = code.to_vec();
    reply.push(b' ');
    if !has_status(text, code[0]) {
        reply.extend_from_slice(&[code[0], b'.', b'7', b'.', b'1', b' ']);
    }
    push_text(&mut reply, &text[..text.len().min(LONGEST_TEXT)]);
    packet::push(output, b'y', &[&reply, b"\0"]);
}

fn code(word: &[u8]) -> [u8; 3] {
    match word {
        [b'4' | b'5', b'0'..=b'9', b'0'..=b'9'] => [word[0], word[1], word[2]],
        _ if word.eq_ignore_ascii_case(b"reject") => *REJECTION,
        _ => *CODE,
    }
}

/// Whether a text begins with an enhanced status code of this class.
fn has_status(text: &[u8], class: u8) -> bool {
    let word = text.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let numbers: Vec<&[u8]> = word.split(|byte| *byte == b'.').collect();
    let is_number =
        |text: &&[u8]| (1..=3).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    numbers.len() == 3 && numbers[0] == [class] && numbers.iter().all(is_number)
}

/// Appends a text of one line. Sendmail takes it for a format of printf, so
/// that each percent sign, be it of the recipient's address, is doubled; Postfix
/// makes one of them again.
fn push_text(reply: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            b'%' => reply.extend_from_slice(b"%%"),
            byte if byte.is_ascii_control() => reply.push(b' '),
            byte => reply.push(*byte),
        }
    }
}

/// Appends the packet that puts a header, as `Name: value`, in front of all
/// others of the message. What is no header (RFC 5322 section 2.2) is left out.
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

    fn text_of(action: &str, text: &str) -> String {
        let mut output = Vec::new();
        deferral(&mut output, action.as_bytes(), text.as_bytes());
        assert_eq!(output[..4], u32::try_from(output.len() - 4).unwrap().to_be_bytes());
        String::from_utf8(output[4..].to_vec()).unwrap()
    }

    #[test]
    fn a_deferral_has_a_code_and_a_status_of_the_same_class() {
        let table = [
            ("DEFER_IF_PERMIT", "Greylisted", "y451 4.7.1 Greylisted\0"),
            ("DEFER", "Greylisted", "y451 4.7.1 Greylisted\0"),
            ("450", "Greylisted", "y450 4.7.1 Greylisted\0"),
            ("451", "4.2.0 Greylisted", "y451 4.2.0 Greylisted\0"),
            ("451", "5.2.0 Greylisted", "y451 4.7.1 5.2.0 Greylisted\0"),
            ("451", "4 seconds", "y451 4.7.1 4 seconds\0"),
            ("550", "No", "y550 5.7.1 No\0"),
            ("reject", "No", "y554 5.7.1 No\0"),
            ("250", "No", "y451 4.7.1 No\0"),
            ("4511", "No", "y451 4.7.1 No\0"),
            ("", "No", "y451 4.7.1 No\0"),
            ("WARN", "No", "c"),
            ("dunno", "No", "c"),
            ("PREPEND X-Waits: yes", "No", "c"),
        ];
        for (action, text, reply) in table {
            assert_eq!(text_of(action, text), reply, "{action} {text}");
        }
    }

    #[test]
    fn the_text_is_no_format_and_one_line() {
        assert_eq!(text_of("451", "100% of %n"), "y451 4.7.1 100%% of %%n\0");
        assert_eq!(text_of("451", "a\r\nb\0c\td"), "y451 4.7.1 a  b c d\0");
        assert_eq!(text_of("451", &"%".repeat(5000)).len(), "y451 4.7.1 \0".len() + 2 * 900);
    }

    #[test]
    fn a_header_is_split_and_what_is_none_is_left_out() {
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
