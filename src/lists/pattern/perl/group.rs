//! Groups: all that starts with a `(`.

use super::super::bytes::Rules;
use super::captures::Reference;
use super::{Atom, Before, Flags, Translator};

/// A group that is not closed yet.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) kind: Kind,
    /// Where its translation starts.
    start: usize,
    /// The flags that its end brings back.
    flags: Flags,
    captures_before: u32,
    capture: Option<u32>,
}

/// What a group is, as far as its inside and its end need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    LookAhead,
    LookBehind,
    /// `(?(…)yes|no)`, and whether the `|` has come.
    Conditional {
        has_no: bool,
    },
    /// `(?(DEFINE)…)`.
    Define,
    /// `(?|…)`, and the highest number of groups at the end of a branch.
    Reset {
        highest: u32,
    },
}

/// Look-arounds have a name of letters as well. `(*atomic:…)` is left out: Perl
/// takes its inside for a look-around's.
const ALPHABETIC: [(&[&str], &str, Kind); 4] = [
    (&["pla", "positive_lookahead"], "(?=", Kind::LookAhead),
    (&["nla", "negative_lookahead"], "(?!", Kind::LookAhead),
    (&["plb", "positive_lookbehind"], "(?<=", Kind::LookBehind),
    (&["nlb", "negative_lookbehind"], "(?<!", Kind::LookBehind),
];

/// The groups that a few signs after `(?` tell, the longer signs first.
const SIGNS: [(&[u8], &str, Kind); 7] = [
    (b":", "(?:", Kind::Plain),
    (b">", "(?>", Kind::Plain),
    (b"=", "(?=", Kind::LookAhead),
    (b"!", "(?!", Kind::LookAhead),
    (b"<=", "(?<=", Kind::LookBehind),
    (b"<!", "(?<!", Kind::LookBehind),
    (b"|", "(?|", Kind::Reset { highest: 0 }),
];

impl<'p> Translator<'p> {
    /// A group, from behind its `(`.
    pub(super) fn open_group(&mut self) -> Result<(), String> {
        if self.input.eat(b"*") {
            return self.verb();
        }
        if self.input.eat(b"?") {
            return self.special_group();
        }
        if self.flags.no_capture {
            self.open(Kind::Plain, "(?:", None);
        } else {
            let number = self.captures.open(None);
            self.open(Kind::Plain, "(", Some(number));
        }
        Ok(())
    }

    fn open(&mut self, kind: Kind, text: &str, capture: Option<u32>) {
        let captures_before = self.captures.count() - u32::from(capture.is_some());
        let start = self.text.len();
        self.open.push(Open { kind, start, flags: self.flags, captures_before, capture });
        self.text.push_str(text);
        self.before = Before::Nothing;
    }

    /// `)`.
    pub(super) fn close_group(&mut self) -> Result<(), String> {
        let Some(open) = self.open.pop() else {
            return Err("a ) lacks its (; write \\) for the character".to_owned());
        };
        self.text.push(')');
        self.flags = open.flags;
        if let Kind::Reset { highest } = open.kind {
            self.captures.reset(self.captures.count().max(highest));
        }
        self.before = Before::Atom(Atom {
            start: open.start,
            is_zero_width: matches!(open.kind, Kind::LookAhead | Kind::LookBehind),
            captures_before: open.captures_before,
            capture: open.capture,
        });
        Ok(())
    }

    /// `|`.
    pub(super) fn branch(&mut self) -> Result<(), String> {
        if let Some(open) = self.open.last_mut() {
            match &mut open.kind {
                Kind::Conditional { has_no: true } => {
                    return Err("a condition has more than two branches".to_owned());
                }
                Kind::Conditional { has_no } => *has_no = true,
                Kind::Define => return Err("(?(DEFINE)…) has more than one branch".to_owned()),
                Kind::Reset { highest } => {
                    *highest = (*highest).max(self.captures.count());
                    self.captures.reset(open.captures_before);
                }
                Kind::Plain | Kind::LookAhead | Kind::LookBehind => {}
            }
        }
        self.text.push('|');
        self.before = Before::Nothing;
        self.after_s = false;
        Ok(())
    }

    /// `(*…`: `(*FAIL)` or a group with a name of letters.
    fn verb(&mut self) -> Result<(), String> {
        if self.input.eat(b"FAIL)") || self.input.eat(b"F)") {
            self.refuse_in_look_behind("(*FAIL)")?;
            self.matches_place("(*F)");
            return Ok(());
        }
        if self.alphabetic_group() {
            return Ok(());
        }
        let name = self.input.take_while(|byte| !b":)".contains(&byte)).escape_ascii();
        Err(format!("(*{name}…) is not supported"))
    }

    /// `(*pla:…` from behind its star; whether it is one.
    fn alphabetic_group(&mut self) -> bool {
        for (names, text, kind) in ALPHABETIC {
            if names.iter().any(|name| self.input.eat(format!("{name}:").as_bytes())) {
                self.open(kind, text, None);
                return true;
            }
        }
        false
    }

    /// Refuses in a look-behind what has no length for Perl, or on which it errs.
    pub(super) fn refuse_in_look_behind(&self, what: &str) -> Result<(), String> {
        match self.open.iter().any(|open| open.kind == Kind::LookBehind) {
            true => Err(format!("{what} in a look-behind is not supported")),
            false => Ok(()),
        }
    }

    /// A group, from behind its `(?`.
    fn special_group(&mut self) -> Result<(), String> {
        for (signs, text, kind) in SIGNS {
            if self.input.eat(signs) {
                if signs == b">" {
                    // `(?<=(?>a))b` matches nowhere for Perl.
                    self.refuse_in_look_behind("(?>…)")?;
                }
                self.open(kind, text, None);
                return Ok(());
            }
        }
        match self.input.rest() {
            [b'{' | b'?', ..] | [b'p', b'{', ..] => {
                Err("(?{…}) and (??{…}) would run Perl code".to_owned())
            }
            [b'P', b'=', ..] => {
                self.input.skip(2);
                let name = self.until_close()?;
                self.refer_to_name(name)
            }
            [b'P', b'>', ..] | [b'&', ..] => {
                self.input.eat(b"P");
                self.input.skip(1);
                let name = name(self.until_close()?)?;
                self.matches_bytes(&format!("(?&{name})"));
                Ok(())
            }
            [b'<' | b'\'', ..] | [b'P', b'<', ..] => self.named_group(),
            [b'R' | b'0'..=b'9', ..] | [b'+' | b'-', b'0'..=b'9', ..] => self.call(),
            [b'(', ..] => self.conditional(),
            _ => self.flag_group(),
        }
    }

    fn until_close(&mut self) -> Result<&'p [u8], String> {
        self.input.take_until(b')').ok_or_else(|| "a ( lacks its )".to_owned())
    }

    /// `(?<name>…)`, from its `<`.
    fn named_group(&mut self) -> Result<(), String> {
        self.input.eat(b"P");
        let end = if self.input.next() == Some(b'<') { b'>' } else { b'\'' };
        let name = name(self.input.take_until(end).unwrap_or_default())?.to_owned();
        let number = self.captures.open(Some(&name));
        self.open(Kind::Plain, &format!("(?<{name}>"), Some(number));
        Ok(())
    }

    /// `(?R)`, `(?1)`, `(?+1)` or `(?-1)`: the pattern, or a group of it, once more.
    fn call(&mut self) -> Result<(), String> {
        let count = self.captures.count();
        let inner = self.until_close()?;
        let target = match inner {
            b"R" => Some(0),
            [b'+', digits @ ..] => Some(number(digits)?).filter(|&n| n > 0).map(|n| count + n),
            [b'-', digits @ ..] => {
                let back = number(digits)?;
                (count + 1).checked_sub(back).filter(|&n| n > 0 && back > 0)
            }
            digits => Some(number(digits)?),
        };
        let shown = inner.escape_ascii().to_string();
        let target = target.ok_or_else(|| format!("(?{shown}) calls a group that is not there"))?;
        self.matches_bytes(&format!("(?{target})"));
        Ok(())
    }

    /// `(?(condition)yes|no)`, from the condition's `(`.
    fn conditional(&mut self) -> Result<(), String> {
        self.input.skip(1);
        if matches!(self.input.peek(), Some(b'?' | b'*')) {
            // Perl's search for a start takes `(?(?=a)|b)k` not to match `bk`.
            return Err("a condition that looks around is not supported, and Perl errs on it; \
                        write (?:(?=…)yes|(?!…)no)"
                .to_owned());
        }
        let inner = self.until_close()?;
        let condition = match inner {
            b"DEFINE" => {
                self.open(Kind::Define, "(?(DEFINE)", None);
                return Ok(());
            }
            b"R" => "R".to_owned(),
            [b'R', b'&', name @ ..] => format!("R&{}", self::name(name)?),
            [b'R', digits @ ..] => format!("R{}", number(digits)?),
            [b'<', name @ .., b'>'] | [b'\'', name @ .., b'\''] => {
                let name = self::name(name)?;
                self.captures.refer(Reference::Name(name.to_owned()));
                format!("<{name}>")
            }
            [b'0'..=b'9', ..] => {
                let number = number(inner)?;
                self.captures.refer(Reference::Number(number));
                number.to_string()
            }
            _ => {
                return Err(format!("(?({})…) is no condition", inner.escape_ascii()));
            }
        };
        self.open(Kind::Conditional { has_no: false }, &format!("(?({condition})"), None);
        Ok(())
    }

    /// `(?i)` or `(?i:…)`, from behind the `?`.
    fn flag_group(&mut self) -> Result<(), String> {
        let outer = self.flags;
        let letters = self.input.take_while(|byte| !b":)".contains(&byte));
        let end = self.input.next();
        let unknown = || format!("(?{}…) is not supported", letters.escape_ascii());
        let flags = with_flags(outer, self.default_rules, letters).ok_or_else(unknown)?;
        let case = match (outer.case.ignored, flags.case.ignored) {
            (true, false) => "-i",
            (false, true) => "i",
            _ => "",
        };
        match end {
            Some(b':') => {
                self.open(Kind::Plain, &format!("(?{case}:"), None);
                self.flags = flags;
                Ok(())
            }
            Some(b')') => {
                if !case.is_empty() {
                    self.text.push_str(&format!("(?{case})"));
                }
                self.flags = flags;
                self.before = Before::Nothing;
                Ok(())
            }
            _ => Err(unknown()),
        }
    }
}

/// The flags after letters like `i`, `^x` or `s-i`; `None` if there is one that
/// is not known.
fn with_flags(outer: Flags, default_rules: Rules, letters: &[u8]) -> Option<Flags> {
    let mut flags = outer;
    let letters = match letters.strip_prefix(b"^") {
        None => letters,
        Some(letters) => {
            flags.case.ignored = false;
            flags.case.rules = default_rules;
            (flags.dot_all, flags.multi_line) = (false, false);
            (flags.extended, flags.no_capture) = (false, false);
            letters.iter().all(|&letter| letter != b'-').then_some(letters)?
        }
    };
    let mut parts = letters.splitn(2, |&letter| letter == b'-');
    let (on, off) = (parts.next()?, parts.next().unwrap_or_default());
    for (letters, value) in [(on, true), (off, false)] {
        for letter in letters {
            match letter {
                b'i' => flags.case.ignored = value,
                b's' => flags.dot_all = value,
                b'm' => flags.multi_line = value,
                b'x' => flags.extended = value,
                b'n' => flags.no_capture = value,
                // They tell the program what to keep and how to go on.
                b'p' | b'c' | b'g' | b'o' => {}
                b'a' | b'd' | b'u' if value => {}
                _ => return None,
            }
        }
    }
    // `l` is refused: its meaning depends on the locale of the process.
    let rules: Vec<u8> = on.iter().copied().filter(|letter| b"adu".contains(letter)).collect();
    flags.case.rules = match rules.as_slice() {
        b"" => flags.case.rules,
        b"d" => default_rules,
        b"u" => Rules::Unicode,
        b"a" => Rules::Ascii { strict: false },
        b"aa" => Rules::Ascii { strict: true },
        _ => return None,
    };
    Some(flags)
}

/// The name of a group.
pub(super) fn name(name: &[u8]) -> Result<&str, String> {
    let is_name = name.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.first().is_some_and(|byte| !byte.is_ascii_digit());
    std::str::from_utf8(name)
        .ok()
        .filter(|_| is_name)
        .ok_or_else(|| format!("\"{}\" is no name for a group", name.escape_ascii()))
}

/// The number of a group.
pub(super) fn number(digits: &[u8]) -> Result<u32, String> {
    let is_number = digits.iter().all(u8::is_ascii_digit)
        && (digits.len() == 1 || digits.first().is_some_and(|&digit| digit != b'0'));
    std::str::from_utf8(digits)
        .ok()
        .filter(|_| is_number)
        .and_then(|digits| digits.parse().ok())
        .filter(|&number: &u32| number < 0x1_0000)
        .ok_or_else(|| format!("\"{}\" is no number of a group", digits.escape_ascii()))
}
