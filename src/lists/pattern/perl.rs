//! Translates a Perl pattern into one that means the same to PCRE2.
//!
//! One pass from left to right that knows every construct it lets through;
//! what it does not know, or what the two engines see differently, is refused
//! with a reason. Flags, classes and characters are worked out here, so that
//! the result is plain: bytes, classes, groups, repetitions and references.

mod captures;
mod character;
mod class;
mod escape;
mod group;
mod reader;
mod repeat;

use std::fmt::Write as _;

use super::bytes::{self, ByteSet, Rules};
use captures::Captures;
use class::Case;
use group::Open;
use reader::Reader;
pub(super) use repeat::MAX_REPEAT;

/// A pattern for PCRE2, to be compiled with case ignored.
#[derive(Debug)]
pub(super) struct Translation {
    pub(super) text: String,
    /// What in the pattern has a meaning, but hardly the intended one.
    pub(super) notes: Vec<String>,
}

/// Translates what stands between the slashes of a rule. The error says what
/// cannot be had and, where there is one, what to write instead.
pub(super) fn translate(pattern: &[u8]) -> Result<Translation, String> {
    let mut translator = Translator::new(pattern, Rules::Bytes);
    loop {
        let (start, rules) = (translator.input.position(), translator.flags.case.rules);
        let Some(byte) = translator.input.next() else {
            return translator.finish();
        };
        let step = translator.step(byte);
        if rules == Rules::Bytes && asks_for_unicode(translator.input.since(start)) {
            translator = Translator::new(pattern, Rules::Unicode);
        } else {
            step?;
        }
    }
}

/// The flags in force at a place.
#[derive(Clone, Copy, Debug)]
struct Flags {
    case: Case,
    /// `s`: the dot matches a newline.
    dot_all: bool,
    /// `m`: `^` and `$` match at every line.
    multi_line: bool,
    /// `x`: blanks count for nothing.
    extended: bool,
    /// `n`: plain groups do not capture.
    no_capture: bool,
}

/// What a quantifier at this place would apply to.
#[derive(Debug)]
enum Before {
    /// Nothing: the start of the pattern, of a group or of a branch.
    Nothing,
    /// A quantifier, and there must not be two.
    Quantifier,
    Atom(Atom),
}

#[derive(Debug)]
struct Atom {
    /// Where its translation starts.
    start: usize,
    /// Whether it matches at a place and not a byte.
    is_zero_width: bool,
    /// The number of groups before it: all later ones are inside.
    captures_before: u32,
    /// Its own number, if it captures.
    capture: Option<u32>,
}

struct Translator<'p> {
    input: Reader<'p>,
    text: String,
    flags: Flags,
    /// The rules that `(?d)` and `(?^)` go back to.
    default_rules: Rules,
    before: Before,
    open: Vec<Open>,
    captures: Captures,
    notes: Vec<String>,
    /// Whether the last thing matched is an `s` that a second one would make `ß`.
    after_s: bool,
}

impl<'p> Translator<'p> {
    fn new(pattern: &'p [u8], default_rules: Rules) -> Translator<'p> {
        Translator {
            input: Reader::new(pattern),
            text: String::with_capacity(2 * pattern.len()),
            flags: Flags {
                case: Case { ignored: true, rules: default_rules },
                dot_all: false,
                multi_line: false,
                extended: false,
                no_capture: false,
            },
            default_rules,
            before: Before::Nothing,
            open: Vec::new(),
            captures: Captures::default(),
            notes: Vec::new(),
            after_s: false,
        }
    }

    /// Translates what starts with `byte`, which has been read.
    fn step(&mut self, byte: u8) -> Result<(), String> {
        match byte {
            b'\\' => self.escape(),
            b'[' => {
                let set = class::bracketed(&mut self.input, self.flags.case, &mut self.notes)?;
                self.set(set)
            }
            b'(' => self.open_group(),
            b')' => self.close_group(),
            b'|' => self.branch(),
            b'*' | b'+' | b'?' => self.quantifier(byte),
            // At the start of a branch a brace is always a character.
            b'{' if !matches!(self.before, Before::Nothing)
                && repeat::is_count(self.input.rest()) =>
            {
                self.quantifier(byte)
            }
            b'.' => {
                self.matches_bytes(if self.flags.dot_all { "(?s:.)" } else { "." });
                Ok(())
            }
            b'^' => {
                self.matches_place(if self.flags.multi_line { "(?m:^)" } else { r"\A" });
                Ok(())
            }
            b'$' => {
                self.matches_place(if self.flags.multi_line { "(?m:$)" } else { r"\Z" });
                Ok(())
            }
            // The one blank for Perl's `x` that is none for the lines of a list.
            0x85 if self.flags.extended => Ok(()),
            _ => self.literal(byte),
        }
    }

    fn finish(self) -> Result<Translation, String> {
        if !self.open.is_empty() {
            return Err("a ( lacks its ); write \\( for the character".to_owned());
        }
        self.captures.check()?;
        // Perl lets several groups have one name, PCRE2 when told so.
        let mut text = if self.captures.has_names() { "(?J)".to_owned() } else { String::new() };
        text.push_str(&self.text);
        Ok(Translation { text, notes: self.notes })
    }

    /// A byte that stands for itself.
    fn literal(&mut self, byte: u8) -> Result<(), String> {
        let case = self.flags.case;
        let other = bytes::other_case(byte, case.rules).filter(|_| case.ignored);
        match other {
            Some(_) if !byte.is_ascii() || byte.eq_ignore_ascii_case(&b's') => {
                let mut set = ByteSet::of(&[byte..=byte]);
                set.ignore_case(case.rules);
                self.set(set)
            }
            _ if byte == 0xdf && class::equals_ss(case) => Err(class::SHARP_S.to_owned()),
            _ => {
                let start = self.text.len();
                push_byte(&mut self.text, byte);
                self.atom(start);
                Ok(())
            }
        }
    }

    /// One byte of a set.
    fn set(&mut self, set: ByteSet) -> Result<(), String> {
        let is_s = set.len() <= 2 && set.contains(b's') && class::equals_ss(self.flags.case);
        if is_s && self.after_s {
            return Err(class::SHARP_S.to_owned());
        }
        self.matches_bytes(&set.to_class());
        self.after_s = is_s;
        Ok(())
    }

    /// Text that matches bytes and that a quantifier can follow.
    fn matches_bytes(&mut self, text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.atom(start);
    }

    /// Text that matches at a place.
    fn matches_place(&mut self, text: &str) {
        self.matches_bytes(text);
        if let Before::Atom(atom) = &mut self.before {
            atom.is_zero_width = true;
        }
    }

    fn atom(&mut self, start: usize) {
        self.after_s = false;
        let captures_before = self.captures.count();
        self.before =
            Before::Atom(Atom { start, is_zero_width: false, captures_before, capture: None });
    }
}

/// Whether an escape or a class, standing where no flag names the rules, makes
/// Perl start anew and take all of the pattern by Unicode's.
fn asks_for_unicode(token: &[u8]) -> bool {
    let mut input = Reader::new(token);
    while input.take_until(b'\\').is_some() {
        if input.rest().starts_with(b"N{U+") || matches!(input.next(), Some(b'p' | b'P')) {
            return true;
        }
    }
    false
}

fn push_byte(text: &mut String, byte: u8) {
    if byte.is_ascii_alphanumeric() {
        text.push(char::from(byte));
    } else {
        let _ = write!(text, r"\x{byte:02x}");
    }
}
