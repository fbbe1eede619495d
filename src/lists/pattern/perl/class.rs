//! `[…]`, POSIX classes and the escapes that stand for a set of bytes.

use super::super::bytes::{ByteSet, Rules};
use super::character;
use super::reader::Reader;

/// How letters are taken at a place of the pattern.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) ignored: bool,
    pub(super) rules: Rules,
}

/// Reads a class from behind its `[`.
pub(super) fn bracketed(
    input: &mut Reader<'_>,
    case: Case,
    notes: &mut Vec<String>,
) -> Result<ByteSet, String> {
    let start = input.position();
    let is_negated = input.eat(b"^");
    let mut set = ByteSet::empty();
    let mut is_first = true;
    loop {
        if input.peek() == Some(b']') && !is_first {
            input.next();
            break;
        }
        is_first = false;
        let Some(item) = item(input, case, notes)? else {
            return Err("a [ lacks its ]; write \\[ for the character".to_owned());
        };
        let before_hyphen = input.position();
        if !(input.eat(b"-") && input.peek().is_some_and(|byte| byte != b']')) {
            input.back_to(before_hyphen);
            set.add(item.into_set(case, is_negated)?);
            continue;
        }
        match (item, self::item(input, case, notes)?) {
            (Item::Byte(first), Some(Item::Byte(last))) if first <= last => {
                set.insert(first..=last);
                if first == last {
                    Item::Byte(first).into_set(case, is_negated)?;
                }
            }
            (Item::Byte(first), Some(Item::Byte(last))) => {
                let (first, last) = (first.escape_ascii(), last.escape_ascii());
                return Err(format!("the range {first}-{last} runs backwards"));
            }
            // `[\w-.]`: no range, the hyphen is one character of three.
            (item, _) => {
                input.back_to(before_hyphen);
                input.next();
                set.add(item.into_set(case, is_negated)?);
                set.insert(b'-'..=b'-');
            }
        }
    }
    note_bare_posix(input.since(start), notes);
    if case.ignored {
        set.ignore_case(case.rules);
    }
    Ok(if is_negated { set.complement() } else { set })
}

/// One thing in a class.
enum Item {
    Byte(u8),
    Set(ByteSet),
}

impl Item {
    fn into_set(self, case: Case, is_negated: bool) -> Result<ByteSet, String> {
        match self {
            Item::Set(set) => Ok(set),
            Item::Byte(0xdf) if equals_ss(case) && !is_negated => Err(SHARP_S.to_owned()),
            Item::Byte(byte) => Ok(ByteSet::of(&[byte..=byte])),
        }
    }
}

/// Where two letters equal one, no byte-wise engine can follow.
pub(super) const SHARP_S: &str = "by Unicode's rules, which \\p, \\N{U+…}, (?u) and (?a) bring, ss \
    equals the one letter \u{df}; write [[:alpha:]] for \\p{L}, or s{2} for ss";

/// Whether `ss` is `ß`.
pub(super) fn equals_ss(case: Case) -> bool {
    case.ignored && matches!(case.rules, Rules::Unicode | Rules::Ascii { strict: false })
}

/// Perl warns of `[:alpha:]`, which is the six characters `:ahlp` and nothing more.
fn note_bare_posix(class: &[u8], notes: &mut Vec<String>) {
    if class.len() > 3 && class.starts_with(b":") && class.ends_with(b":]") {
        let class = class.escape_ascii();
        notes.push(format!(
            "[{class} is a set of single characters; write [[{class}] for the class"
        ));
    }
}

fn item(
    input: &mut Reader<'_>,
    case: Case,
    notes: &mut Vec<String>,
) -> Result<Option<Item>, String> {
    let Some(byte) = input.next() else {
        return Ok(None);
    };
    match byte {
        b'[' => match posix(input, case)? {
            Some(set) => Ok(Some(Item::Set(set))),
            None => Ok(Some(Item::Byte(b'['))),
        },
        b'\\' => escape(input, case, notes).map(Some),
        byte => Ok(Some(Item::Byte(byte))),
    }
}

/// `[:name:]` or `[:^name:]`, from behind its `[`.
fn posix(input: &mut Reader<'_>, case: Case) -> Result<Option<ByteSet>, String> {
    let Some(kind @ (b':' | b'=' | b'.')) = input.peek() else {
        return Ok(None);
    };
    let rest = &input.rest()[1..];
    let Some(length) = rest.windows(2).position(|two| two == [kind, b']']) else {
        return Ok(None);
    };
    let inner = &rest[..length];
    let (is_negated, name) = match inner.strip_prefix(b"^") {
        Some(name) if kind == b':' => (true, name),
        _ => (false, inner),
    };
    // Perl guesses that odd names between colons are classes it does not have.
    let is_name = match kind {
        b':' => !name.is_empty(),
        _ => !name.contains(&b']'),
    };
    if !is_name {
        return Ok(None);
    }
    let set = std::str::from_utf8(name).ok().filter(|_| kind == b':');
    let Some(set) = set.and_then(|name| named(name, case)) else {
        let shown = inner.escape_ascii();
        let kind = char::from(kind);
        return Err(format!("there is no class [{kind}{shown}{kind}]"));
    };
    input.skip(length + 3);
    Ok(Some(if is_negated { set.complement() } else { set }))
}

/// Bytes below 128 of a POSIX class, and those that Unicode adds.
#[rustfmt::skip]
fn named(name: &str, case: Case) -> Option<ByteSet> {
    const LATIN_LOWER: [std::ops::RangeInclusive<u8>; 5] =
        [0xaa..=0xaa, 0xb5..=0xb5, 0xba..=0xba, 0xdf..=0xf6, 0xf8..=0xff];
    const LATIN_UPPER: [std::ops::RangeInclusive<u8>; 2] = [0xc0..=0xd6, 0xd8..=0xde];
    let latin_letters = [&LATIN_LOWER[..], &LATIN_UPPER].concat();
    let (ascii, latin): (&[_], &[_]) = match name {
        "alpha" => (&[b'A'..=b'Z', b'a'..=b'z'], &latin_letters),
        "alnum" => (&[b'0'..=b'9', b'A'..=b'Z', b'a'..=b'z'], &latin_letters),
        "word" => (&[b'0'..=b'9', b'A'..=b'Z', b'a'..=b'z', b'_'..=b'_'], &latin_letters),
        "upper" | "lower" if case.ignored => (&[b'A'..=b'Z', b'a'..=b'z'], &latin_letters),
        "upper" => (&[b'A'..=b'Z'], &LATIN_UPPER),
        "lower" => (&[b'a'..=b'z'], &LATIN_LOWER),
        "digit" => (&[b'0'..=b'9'], &[]),
        "xdigit" => (&[b'0'..=b'9', b'A'..=b'F', b'a'..=b'f'], &[]),
        "space" => (&[b'\t'..=b'\r', b' '..=b' '], &[0x85..=0x85, 0xa0..=0xa0]),
        "blank" => (&[b'\t'..=b'\t', b' '..=b' '], &[0xa0..=0xa0]),
        "cntrl" => (&[0..=0x1f, 0x7f..=0x7f], &[0x80..=0x9f]),
        "graph" => (&[b'!'..=b'~'], &[0xa1..=0xff]),
        "print" => (&[b' '..=b'~'], &[0xa0..=0xff]),
        "punct" => (&[b'!'..=b'/', b':'..=b'@', b'['..=b'`', b'{'..=b'~'],
            &[0xa1..=0xa1, 0xa7..=0xa7, 0xab..=0xab, 0xb6..=0xb7, 0xbb..=0xbb, 0xbf..=0xbf]),
        "ascii" => (&[0..=0x7f], &[]),
        _ => return None,
    };
    let mut set = ByteSet::of(ascii);
    if case.rules == Rules::Unicode {
        set.add(ByteSet::of(latin));
    }
    Some(set)
}

/// An escape in a class, from behind its backslash.
fn escape(input: &mut Reader<'_>, case: Case, notes: &mut Vec<String>) -> Result<Item, String> {
    let Some(byte) = input.next() else {
        return Err("a [ lacks its ]; write \\[ for the character".to_owned());
    };
    if let Some(set) = escaped_set(byte, input, case)? {
        return Ok(Item::Set(set));
    }
    if let Some(byte) = character::escaped(byte, input)? {
        return Ok(Item::Byte(byte));
    }
    match byte {
        b'b' => Ok(Item::Byte(0x08)),
        b'1'..=b'7' => character::octal(byte, input).map(Item::Byte),
        b'N' => Err("\\N stands for no character in a class".to_owned()),
        _ => {
            character::note_unknown(byte, notes);
            Ok(Item::Byte(byte))
        }
    }
}

/// The escapes that mean a set of bytes, in a class and outside:
/// `\d \w \s \h \v`, their negations, and `\p{…}`.
pub(super) fn escaped_set(
    letter: u8,
    input: &mut Reader<'_>,
    case: Case,
) -> Result<Option<ByteSet>, String> {
    let positive = match letter.to_ascii_lowercase() {
        b'd' => named("digit", case),
        b'w' => named("word", case),
        b's' => named("space", case),
        b'h' => Some(ByteSet::of(&[b'\t'..=b'\t', b' '..=b' ', 0xa0..=0xa0])),
        b'v' => Some(ByteSet::of(&[b'\n'..=b'\r', 0x85..=0x85])),
        b'p' => Some(property(input, case)?),
        _ => None,
    };
    let is_negated = letter.is_ascii_uppercase();
    Ok(positive.map(|set| if is_negated { set.complement() } else { set }))
}

/// A Unicode property, from behind its `p`: `L`, `{L}` or `{^L}`.
fn property(input: &mut Reader<'_>, case: Case) -> Result<ByteSet, String> {
    let name = match input.braced() {
        Some(name) => name,
        None => input.take(1),
    };
    let (is_negated, name) = match name.strip_prefix(b"^") {
        Some(name) => (true, name),
        None => (false, name),
    };
    let known = std::str::from_utf8(name).ok().and_then(|name| category(name, case));
    let Some(set) = known else {
        let name = name.escape_ascii();
        return Err(format!("\\p{{{name}}} is not supported; write a class like [[:alpha:]]"));
    };
    Ok(if is_negated { set.complement() } else { set })
}

/// A general category by its short name. Perl looks for both cases when case is
/// ignored and one is asked for.
fn category(name: &str, case: Case) -> Option<ByteSet> {
    let name = match name {
        "L&" | "Lu" | "Ll" | "Lt" if case.ignored => "LC",
        "L&" => "LC",
        "LC" | "L" | "Lu" | "Ll" | "Lt" | "Lm" | "Lo" | "M" | "Mn" | "Mc" | "Me" | "N" | "Nd"
        | "Nl" | "No" | "P" | "Pc" | "Pd" | "Ps" | "Pe" | "Pi" | "Pf" | "Po" | "S" | "Sm"
        | "Sc" | "Sk" | "So" | "Z" | "Zs" | "Zl" | "Zp" | "C" | "Cc" | "Cf" | "Cn" => name,
        _ => return None,
    };
    if name == "LC" {
        let mut set = category_alone("Lu")?;
        set.add(category_alone("Ll")?);
        set.add(category_alone("Lt")?);
        return Some(set);
    }
    category_alone(name)
}

/// The category's part of Latin-1.
fn category_alone(name: &str) -> Option<ByteSet> {
    let hir = regex_syntax::parse(&format!(r"\p{{{name}}}")).ok()?;
    let mut set = ByteSet::empty();
    match hir.kind() {
        regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => {
            for byte in 0..=255_u8 {
                let has = |range: &regex_syntax::hir::ClassUnicodeRange| {
                    (range.start()..=range.end()).contains(&char::from(byte))
                };
                if class.iter().any(has) {
                    set.insert(byte..=byte);
                }
            }
        }
        // A category of a single character is no class.
        regex_syntax::hir::HirKind::Literal(_) => {}
        _ => return None,
    }
    Some(set)
}
