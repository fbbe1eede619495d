//! Escapes that stand for one byte.

use super::reader::Reader;

/// Reads `\n`, `\x41`, `\cA` and the like from behind their letter; `None` if
/// the letter starts nothing of the kind.
pub(super) fn escaped(letter: u8, input: &mut Reader<'_>) -> Result<Option<u8>, String> {
    let byte = match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'f' => 0x0c,
        b'e' => 0x1b,
        b'a' => 0x07,
        b'0' => octal(letter, input)?,
        b'x' => hexadecimal(input)?,
        b'o' => match input.braced() {
            Some(digits) => code(digits, 8)?,
            None => return Err("\\o needs digits in braces, as in \\o{101}".to_owned()),
        },
        b'c' => control(input)?,
        b'N' if input.rest().starts_with(b"{U+") => {
            let name = input.braced().unwrap_or_default();
            code(name.strip_prefix(b"U+").unwrap_or_default(), 16)?
        }
        _ => return Ok(None),
    };
    Ok(Some(byte))
}

/// `\012`: up to three octal digits, of which `first` has been read.
pub(super) fn octal(first: u8, input: &mut Reader<'_>) -> Result<u8, String> {
    let mut value = u32::from(first - b'0');
    for _ in 0..2 {
        let Some(digit @ b'0'..=b'7') = input.peek() else {
            break;
        };
        value = value * 8 + u32::from(digit - b'0');
        input.next();
    }
    byte(value)
}

/// `\x41`, `\x4` or `\x{41}`. Without digits it is NUL for Perl, and hardly meant.
fn hexadecimal(input: &mut Reader<'_>) -> Result<u8, String> {
    if let Some(digits) = input.braced() {
        return code(digits, 16);
    }
    let length = input.rest().iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
    code(input.take(length), 16)
}

fn code(digits: &[u8], radix: u32) -> Result<u8, String> {
    let shown = digits.escape_ascii();
    let is_number =
        !digits.is_empty() && digits.iter().all(|&digit| char::from(digit).is_digit(radix));
    let value = std::str::from_utf8(digits).ok().filter(|_| is_number);
    let value = value.ok_or_else(|| format!("\"{shown}\" is no number of base {radix}"))?;
    byte(u32::from_str_radix(value, radix).unwrap_or(u32::MAX))
}

fn byte(value: u32) -> Result<u8, String> {
    u8::try_from(value).map_err(|_| {
        "a character above 255 is in no name, as names are bytes; write its UTF-8 bytes".to_owned()
    })
}

/// `\cA`, from behind its `c`.
fn control(input: &mut Reader<'_>) -> Result<u8, String> {
    match input.next() {
        Some(byte @ (b'?'..=b'[' | b']'..=b'_' | b'a'..=b'z')) => {
            Ok(byte.to_ascii_uppercase() ^ 0x40)
        }
        _ => Err("\\c needs a letter, as in \\cA".to_owned()),
    }
}

/// A letter that no escape has stands for itself, which may surprise.
pub(super) fn note_unknown(letter: u8, notes: &mut Vec<String>) {
    let letter = char::from(letter);
    if letter == 'Q' || letter == 'E' {
        notes.push(format!(
            "\\{letter} does not quote here and is the letter {letter}; write a backslash before \
             each special character"
        ));
    } else if letter.is_ascii_alphanumeric() {
        notes.push(format!("\\{letter} is no escape and means the character {letter}"));
    }
}
