//! Escapes outside of classes, from behind their backslash.

use super::super::bytes::Rules;
use super::captures::Reference;
use super::group::Kind;
use super::reader::Reader;
use super::{Before, Translator, character, class, group, repeat};

impl Translator<'_> {
    pub(super) fn escape(&mut self) -> Result<(), String> {
        let Some(letter) = self.input.next() else {
            return Err("it ends with a backslash; write \\\\ for the character".to_owned());
        };
        let position = self.input.position();
        self.escape_of(letter)?;
        // `\d{x`: after an escape of one letter Perl refuses a brace that is no
        // quantifier, after all else it is a character.
        let is_single_letter =
            letter.is_ascii_alphabetic() && letter != b'c' && self.input.position() == position;
        match self.input.rest() {
            [b'{', rest @ ..] if is_single_letter && !repeat::is_count(rest) => {
                Err("a { after an escape is no quantifier; write \\{".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn escape_of(&mut self, letter: u8) -> Result<(), String> {
        let case = self.flags.case;
        if let Some(set) = class::escaped_set(letter, &mut self.input, case)? {
            return self.set(set);
        }
        if let Some(byte) = character::escaped(letter, &mut self.input)? {
            return self.literal(byte);
        }
        match letter {
            b'b' | b'B' => return self.word_boundary(letter),
            // A match always starts at the beginning of the name.
            b'A' | b'G' => self.matches_place(r"\A"),
            b'z' => self.matches_place(r"\z"),
            b'Z' => self.matches_place(r"\Z"),
            b'K' => return self.keep(),
            b'R' => self.matches_bytes(r"(?>\x0d\x0a|[\x0a-\x0d\x85])"),
            b'X' => {
                self.refuse_in_look_behind("\\X")?;
                self.matches_bytes(r"(?>\x0d\x0a|(?s:.))");
            }
            b'N' => return self.not_newline(),
            b'C' => return Err("\\C is no longer an escape of Perl".to_owned()),
            b'g' => return self.reference_g(),
            b'k' => return self.reference_k(),
            b'1'..=b'9' => return self.reference_or_octal(letter),
            _ => {
                character::note_unknown(letter, &mut self.notes);
                return self.literal(letter);
            }
        }
        Ok(())
    }

    fn word_boundary(&mut self, letter: u8) -> Result<(), String> {
        if self.input.peek() == Some(b'{') {
            return Err("\\b{…} is not supported; write \\b".to_owned());
        }
        let is_boundary = letter == b'b';
        if self.flags.case.rules != Rules::Unicode {
            self.matches_place(if is_boundary { r"\b" } else { r"\B" });
            return Ok(());
        }
        let word = class::escaped_set(b'w', &mut Reader::new(b""), self.flags.case)?;
        let word = word.map(|set| set.to_class()).unwrap_or_default();
        let (after_word, after_other) = if is_boundary { ("!", "=") } else { ("=", "!") };
        self.matches_place(&format!(
            "(?:(?<={word})(?{after_word}{word})|(?<!{word})(?{after_other}{word}))"
        ));
        Ok(())
    }

    /// `\K` moves the start of what is matched, which nobody asks for.
    fn keep(&mut self) -> Result<(), String> {
        let looks = |kind| matches!(kind, Kind::LookAhead | Kind::LookBehind);
        if self.open.iter().any(|open| looks(open.kind)) {
            return Err("\\K must not stand in a look-around".to_owned());
        }
        let is_repeated = match self.input.rest() {
            [b'*' | b'+' | b'?', ..] => true,
            [b'{', rest @ ..] => repeat::is_count(rest),
            _ => false,
        };
        if is_repeated {
            return Err("\\K is not repeated; leave out what follows it".to_owned());
        }
        self.before = Before::Nothing;
        self.after_s = false;
        Ok(())
    }

    /// `\N`, if it is not a character's name.
    fn not_newline(&mut self) -> Result<(), String> {
        self.matches_bytes(".");
        match self.input.rest() {
            [b'{', rest @ ..] if !repeat::is_count(rest) => {
                Err("\\N{…} is not supported; write the character itself".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// `\1`, or the character `\101`: what looks like a reference is one if it
    /// has one digit or there are so many groups before it.
    fn reference_or_octal(&mut self, first: u8) -> Result<(), String> {
        let start = self.input.position();
        let more = self.input.take_while(|byte| byte.is_ascii_digit());
        let number = group::number(&[&[first], more].concat());
        if let Some(number) = number.ok().filter(|&n| n < 10 || n <= self.captures.count()) {
            return self.refer_to_number(number);
        }
        self.input.back_to(start);
        if first >= b'8' {
            let first = char::from(first);
            return Err(format!("\\{first}… refers to a group that is not there"));
        }
        let byte = character::octal(first, &mut self.input)?;
        self.literal(byte)
    }

    /// `\g1`, `\g-1`, `\g{1}`, `\g{-1}` or `\g{name}`.
    fn reference_g(&mut self) -> Result<(), String> {
        let inner = match self.input.braced() {
            Some(inner) => inner,
            None => {
                let start = self.input.position();
                self.input.eat(b"-");
                self.input.take_while(|byte| byte.is_ascii_digit());
                self.input.since(start)
            }
        };
        if let Some(digits) = inner.strip_prefix(b"-") {
            let back = group::number(digits)?;
            let number = (self.captures.count() + 1).checked_sub(back);
            let number = number.filter(|&number| number > 0 && back > 0);
            return match number {
                Some(number) => self.refer_to_number(number),
                None => Err(format!("\\g{{-{back}}} refers to a group that is not there")),
            };
        }
        if inner.first().is_some_and(u8::is_ascii_digit) {
            let number = group::number(inner)?;
            return self.refer_to_number(number);
        }
        self.refer_to_name(inner)
    }

    /// `\k<name>`, `\k'name'` or `\k{name}`.
    fn reference_k(&mut self) -> Result<(), String> {
        let end = match self.input.next() {
            Some(b'<') => b'>',
            Some(b'\'') => b'\'',
            Some(b'{') => b'}',
            _ => return Err("\\k needs a name, as in \\k<name>".to_owned()),
        };
        let name = self.input.take_until(end).unwrap_or_default();
        self.refer_to_name(name)
    }

    fn refer_to_number(&mut self, number: u32) -> Result<(), String> {
        if number == 0 {
            return Err("there is no group 0 to refer to".to_owned());
        }
        self.check_reference()?;
        self.matches_bytes(&format!(r"\g{{{number}}}"));
        self.captures.refer(Reference::Number(number));
        Ok(())
    }

    pub(super) fn refer_to_name(&mut self, name: &[u8]) -> Result<(), String> {
        let name = group::name(name)?;
        self.check_reference()?;
        self.matches_bytes(&format!(r"\k{{{name}}}"));
        self.captures.refer(Reference::Name(name.to_owned()));
        Ok(())
    }

    /// PCRE2 compares what a group matched by ASCII's rules, and knows how long
    /// that is where Perl does not.
    fn check_reference(&self) -> Result<(), String> {
        self.refuse_in_look_behind("a back-reference")?;
        let case = self.flags.case;
        if case.ignored && case.rules != Rules::Bytes {
            return Err("a back-reference by Unicode's rules, which \\p, \\N{U+…}, (?u) and (?a) \
                        bring, is not supported; write [[:alpha:]] for \\p{L}"
                .to_owned());
        }
        Ok(())
    }
}
