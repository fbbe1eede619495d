//! Refuses the constructs that PCRE2 reads differently from Perl.
//!
//! The scan knows each construct it accepts; any other is refused by name. A
//! pattern that reaches PCRE2 has Perl's meaning, in all versions of PCRE2.
//! Errors that both engines report are left to PCRE2's compiler.

use std::fmt::Write as _;

/// Perl's largest count in `{n,m}`.
pub(super) const MAX_REPEAT: u32 = 65_534;

/// Escapes for a set of bytes, in a class and outside.
const SETS: &[u8] = b"dDwWsShHvV";

/// Escapes for one byte, in a class and outside.
const CONTROLS: &[u8] = b"nrtfea";

const PLACES: &[u8] = b"bBAzZ";

/// The two engines, and their versions, differ about where it is a character.
const BARE_BRACE: &str = "a { without a count {n}, {n,} or {n,m} is not supported; write \\{ for \
                          the character";

/// The names in `[:…:]`.
const POSIX: [&[u8]; 14] = [
    b"alpha", b"alnum", b"word", b"upper", b"lower", b"digit", b"xdigit", b"space", b"blank",
    b"cntrl", b"graph", b"print", b"punct", b"ascii",
];

/// Checks a pattern and writes it for PCRE2, unchanged except for what PCRE2 or
/// its crate would refuse: a byte beyond ASCII becomes `\xHH`, the hyphen of
/// `[\w-.]` gets a backslash, and `^*` becomes `(?:^)*`.
///
/// # Errors
/// The first construct that is refused, as half a sentence.
pub(super) fn for_pcre2(pattern: &[u8]) -> Result<String, String> {
    let mut scan = Scan {
        rest: pattern,
        added: Vec::new(),
        before: Before::Nothing,
        open: Vec::new(),
        captures: 0,
        has_reference: false,
        has_nested_captures: false,
    };
    while let Some(byte) = scan.next() {
        scan.step(byte)?;
    }
    if !scan.open.is_empty() {
        return Err("a ( lacks its ); write \\( for the character".to_owned());
    }
    // They differ about what it holds: `^(?:(a)?b)+\1$`, `(?!(?!()))\1`.
    if scan.has_reference && scan.has_nested_captures {
        return Err(unsupported(
            "a back-reference beside a group inside a repetition or a look-around",
        ));
    }
    let added = scan.added.iter().map(|(rest, text)| (pattern.len() - rest, *text));
    Ok(as_text(pattern, added.collect()))
}

/// The pattern as text, with other texts added before some of its bytes.
fn as_text(pattern: &[u8], added: Vec<(usize, &str)>) -> String {
    let mut added = added.into_iter().peekable();
    let mut text = String::with_capacity(pattern.len());
    let mut is_escaped = false;
    for (at, &byte) in pattern.iter().enumerate() {
        if let Some((_, before)) = added.next_if(|(place, _)| *place == at) {
            text.push_str(before);
        }
        if byte.is_ascii() {
            text.push(char::from(byte));
        } else {
            let backslash = if is_escaped { "" } else { "\\" };
            let _ = write!(text, "{backslash}x{byte:02x}");
        }
        is_escaped = byte == b'\\' && !is_escaped;
    }
    text
}

fn unsupported(construct: &str) -> String {
    format!("{construct} is not supported")
}

fn count(digits: &[u8]) -> Result<u32, String> {
    if digits.len() > 1 && digits[0] == b'0' {
        return Err(unsupported("a count that starts with 0"));
    }
    let value = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    let value = value.filter(|&value| value <= MAX_REPEAT);
    value.ok_or_else(|| unsupported(&format!("a count above {MAX_REPEAT}")))
}

struct Scan<'p> {
    rest: &'p [u8],
    /// Texts to add, each with the length of the pattern's rest after it.
    added: Vec<(usize, &'static str)>,
    before: Before,
    open: Vec<Group>,
    captures: u32,
    has_reference: bool,
    /// A repetition, deeper than the repeated group, or a look-around captures.
    has_nested_captures: bool,
}

#[derive(Clone, Copy)]
enum Before {
    /// Nothing: the start of the pattern, of a group or of a branch.
    Nothing,
    Quantifier,
    Place,
    Atom {
        holds_captures: bool,
    },
}

const ATOM: Before = Before::Atom { holds_captures: false };

struct Group {
    kind: Kind,
    /// [`Scan::captures`] after its own number.
    captures_before: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    LookAhead,
    LookBehind,
}

impl<'p> Scan<'p> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// Skips `expected` if it comes next.
    fn eat(&mut self, expected: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(expected);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn take_while(&mut self, fits: impl Fn(u8) -> bool) -> &'p [u8] {
        let length = self.rest.iter().take_while(|byte| fits(**byte)).count();
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Checks what starts with `byte`, which has been read.
    fn step(&mut self, byte: u8) -> Result<(), String> {
        match byte {
            b'\\' => return self.escape(),
            b'(' => return self.open_group(),
            b')' => return self.close_group(),
            b'*' | b'+' | b'?' | b'{' => return self.quantifier(byte),
            b'[' => {
                self.class()?;
                self.before = ATOM;
            }
            b'|' => self.before = Before::Nothing,
            b'^' | b'$' => return self.anchor(),
            _ => self.before = ATOM,
        }
        Ok(())
    }

    /// `^` or `$`; also `^*`, which lists have for `^.*`.
    fn anchor(&mut self) -> Result<(), String> {
        self.before = Before::Place;
        if let [b'*' | b'+' | b'?', rest @ ..] = self.rest {
            if matches!(rest, [b'?' | b'+', ..]) {
                return Err(unsupported("a lazy or possessive quantifier after an anchor"));
            }
            self.added.extend([(self.rest.len() + 1, "(?:"), (self.rest.len(), ")")]);
            self.rest = rest;
            self.before = Before::Quantifier;
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        let Some(letter) = self.next() else {
            return Err("it ends with a backslash; write \\\\ for the character".to_owned());
        };
        self.before = ATOM;
        match letter {
            b'1'..=b'9' if !self.rest.first().is_some_and(u8::is_ascii_digit) => {
                self.has_reference = true;
                self.refuse_in_look_behind("a back-reference")
            }
            _ if PLACES.contains(&letter) => {
                self.before = Before::Place;
                Ok(())
            }
            _ if SETS.contains(&letter) => Ok(()),
            _ => self.escaped_byte(letter),
        }
    }

    /// An escape for one byte, after its first letter.
    fn escaped_byte(&mut self, letter: u8) -> Result<(), String> {
        match letter {
            b'x' => self.hexadecimal(),
            _ if CONTROLS.contains(&letter) || !letter.is_ascii_alphanumeric() => Ok(()),
            _ => Err(unsupported(&format!("\\{}", char::from(letter)))),
        }
    }

    /// `\x41` or `\x{41}`.
    fn hexadecimal(&mut self) -> Result<(), String> {
        let is_braced = self.eat(b"{");
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let length = if is_braced { digits } else { digits.min(2) };
        self.rest = &self.rest[length..];
        let is_closed = !is_braced || self.eat(b"}");
        match length {
            2 if is_closed => Ok(()),
            _ => Err("\\x lacks its two hexadecimal digits, as in \\x2d".to_owned()),
        }
    }

    /// A quantifier that starts with `byte`, which has been read.
    fn quantifier(&mut self, byte: u8) -> Result<(), String> {
        let sign = char::from(byte);
        if byte == b'{' {
            self.count()?;
        }
        match self.before {
            Before::Atom { holds_captures } => self.has_nested_captures |= holds_captures,
            Before::Nothing if byte == b'{' => return Err(BARE_BRACE.to_owned()),
            Before::Nothing => return Err(format!("the {sign} follows nothing to repeat")),
            Before::Quantifier => return Err(format!("the {sign} follows another quantifier")),
            Before::Place => {
                return Err(unsupported("a quantifier after an anchor or a look-around"));
            }
        }
        if self.eat(b"+") {
            // `(?<=a{0}+)` matches nowhere for Perl.
            self.refuse_in_look_behind("a possessive quantifier")?;
        } else {
            self.eat(b"?");
        }
        self.before = Before::Quantifier;
        Ok(())
    }

    /// The rest of `{n}`, `{n,}` or `{n,m}`.
    fn count(&mut self) -> Result<(), String> {
        let least = self.take_while(|byte| byte.is_ascii_digit());
        self.eat(b",");
        let most = self.take_while(|byte| byte.is_ascii_digit());
        if least.is_empty() || !self.eat(b"}") {
            return Err(BARE_BRACE.to_owned());
        }
        let (least, most) =
            (count(least)?, if most.is_empty() { MAX_REPEAT } else { count(most)? });
        if least > most {
            return Err(unsupported("{n,m} with n > m"));
        }
        Ok(())
    }

    fn open_group(&mut self) -> Result<(), String> {
        let kind = if self.rest.starts_with(b"*") {
            return Err(unsupported("(*"));
        } else if !self.eat(b"?") {
            self.captures += 1;
            Kind::Plain
        } else if self.eat(b":") {
            Kind::Plain
        } else if self.eat(b">") {
            // `(?<=(?>))` matches nothing for Perl.
            self.refuse_in_look_behind("(?>")?;
            Kind::Plain
        } else if self.eat(b"=") || self.eat(b"!") {
            Kind::LookAhead
        } else if self.eat(b"<=") || self.eat(b"<!") {
            Kind::LookBehind
        } else if self.eat(b"<") || self.eat(b"P<") {
            self.group_name()?;
            Kind::Plain
        } else if self.flags()? {
            Kind::Plain
        } else {
            self.before = Before::Nothing;
            return Ok(());
        };
        self.open.push(Group { kind, captures_before: self.captures });
        self.before = Before::Nothing;
        Ok(())
    }

    /// The rest of `(?<name>`.
    fn group_name(&mut self) -> Result<(), String> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let name = self.take_while(is_word);
        if name.first().is_none_or(u8::is_ascii_digit) || !self.eat(b">") {
            return Err("(?<NAME> lacks a name of letters, digits and _".to_owned());
        }
        self.captures += 1;
        Ok(())
    }

    /// The rest of `(?i)` or `(?i:`, of the flags i, m and s; also the others of
    /// `(?^i:` and `(?-xism:`, as Perl prints patterns. Returns true if a group
    /// is open now.
    fn flags(&mut self) -> Result<bool, String> {
        let start = self.rest;
        let is_reset = self.eat(b"^");
        self.take_while(|byte| b"ims".contains(&byte));
        if !is_reset && self.eat(b"-") {
            self.take_while(|byte| b"imsnx".contains(&byte));
        }
        let letters = &start[..start.len() - self.rest.len()];
        match self.next() {
            Some(b':') if !letters.is_empty() => Ok(true),
            Some(b')') if !letters.is_empty() => Ok(false),
            byte => {
                let seen = [letters, byte.as_slice()].concat();
                Err(unsupported(&format!("(?{}", String::from_utf8_lossy(&seen))))
            }
        }
    }

    fn close_group(&mut self) -> Result<(), String> {
        let Some(Group { kind, captures_before }) = self.open.pop() else {
            return Err("a ) lacks its (; write \\) for the character".to_owned());
        };
        let holds_captures = self.captures > captures_before;
        self.before = match kind {
            Kind::Plain => Before::Atom { holds_captures },
            Kind::LookAhead | Kind::LookBehind => {
                self.has_nested_captures |= holds_captures;
                Before::Place
            }
        };
        Ok(())
    }

    fn refuse_in_look_behind(&self, what: &str) -> Result<(), String> {
        match self.open.iter().any(|group| group.kind == Kind::LookBehind) {
            true => Err(unsupported(&format!("{what} in a look-behind"))),
            false => Ok(()),
        }
    }

    /// The rest of `[…]`.
    fn class(&mut self) -> Result<(), String> {
        const UNCLOSED: &str = "a [ lacks its ]; write \\[ for the character";
        self.eat(b"^");
        self.eat(b"]");
        loop {
            match self.next().ok_or(UNCLOSED)? {
                b']' => return Ok(()),
                b'[' if matches!(self.rest.first(), Some(b':' | b'=' | b'.')) => self.posix()?,
                b'\\' => match self.next().ok_or(UNCLOSED)? {
                    letter if SETS.contains(&letter) => {
                        if matches!(self.rest, [b'-', after, ..] if !b"]-".contains(after)) {
                            self.added.push((self.rest.len(), "\\"));
                        }
                    }
                    letter => self.escaped_byte(letter)?,
                },
                _ => {}
            }
        }
    }

    /// The rest of `[:alpha:]` or `[:^alpha:]`.
    fn posix(&mut self) -> Result<(), String> {
        let is_class = |rest: &'p [u8]| {
            let rest = rest.strip_prefix(b":")?;
            let rest = rest.strip_prefix(b"^").unwrap_or(rest);
            POSIX.iter().find_map(|name| rest.strip_prefix(*name)?.strip_prefix(b":]"))
        };
        self.rest = is_class(self.rest).ok_or_else(|| {
            let sign = char::from(self.rest[0]);
            unsupported(&format!("[{sign} in a class, other than [:alpha:] and the like,"))
        })?;
        Ok(())
    }
}
