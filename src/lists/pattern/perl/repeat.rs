//! Quantifiers: `*`, `+`, `?` and `{n,m}`, greedy, lazy or possessive.

use super::{Atom, Before, Translator};

/// Perl's largest count.
pub(in super::super) const MAX_REPEAT: u32 = 65_534;

/// How often, least and most; no most is "any number".
#[derive(Clone, Copy)]
struct Count {
    min: u32,
    max: Option<u32>,
}

impl Translator<'_> {
    /// A quantifier that starts with `byte`, which has been read.
    pub(super) fn quantifier(&mut self, byte: u8) -> Result<(), String> {
        let sign = char::from(byte);
        let atom = match std::mem::replace(&mut self.before, Before::Quantifier) {
            Before::Atom(atom) => atom,
            Before::Nothing => return Err(format!("the {sign} follows nothing to repeat")),
            Before::Quantifier => return Err(format!("the {sign} follows another quantifier")),
        };
        self.after_s = false;
        let count = match byte {
            b'*' => Count { min: 0, max: None },
            b'+' => Count { min: 1, max: None },
            b'?' => Count { min: 0, max: Some(1) },
            _ => self.braced_count()?,
        };
        if count.max.is_some_and(|max| count.min > max) {
            return self.never();
        }
        if atom.is_zero_width && self.input.peek() == Some(b'+') {
            // `^++1` matches `x1` for Perl.
            return Err("a + behind a repeated place is of no use, and Perl errs on it".to_owned());
        }
        if self.input.peek() == Some(b'+') {
            // `(?<=a{0}+)` matches nowhere for Perl.
            self.refuse_in_look_behind("a possessive quantifier")?;
        }
        self.apply(&atom, count);
        Ok(())
    }

    /// `{2,1}` can never match; Perl looks for no suffix behind it.
    fn never(&mut self) -> Result<(), String> {
        self.refuse_in_look_behind("a quantifier {n,m} with n > m")?;
        self.text.push_str("(*F)");
        self.before = Before::Nothing;
        self.notes.push("a quantifier {n,m} with n > m never matches".to_owned());
        Ok(())
    }

    fn apply(&mut self, atom: &Atom, count: Count) {
        // PCRE2 knows no repetition of places, and its own kind of look-around's.
        if atom.is_zero_width {
            self.text.insert_str(atom.start, "(?:");
            self.text.push(')');
        }
        self.text.push_str(&match count {
            Count { min: 0, max: None } => "*".to_owned(),
            Count { min: 1, max: None } => "+".to_owned(),
            Count { min: 0, max: Some(1) } => "?".to_owned(),
            Count { min, max: None } => format!("{{{min},}}"),
            Count { min, max: Some(max) } => format!("{{{min},{max}}}"),
        });
        if let Some(suffix @ (b'?' | b'+')) = self.input.peek() {
            self.input.next();
            self.text.push(char::from(suffix));
        }
        let is_repeated = count.max.is_none_or(|max| max > 1);
        self.captures.quantified(atom.captures_before, atom.capture, count.min == 0, is_repeated);
    }

    /// The numbers of a quantifier, from behind its `{`.
    fn braced_count(&mut self) -> Result<Count, String> {
        let inner = self.input.take_until(b'}').unwrap_or_default();
        let mut numbers = inner.splitn(2, |&byte| byte == b',');
        let min = numbers.next().unwrap_or_default();
        let min = if min.is_empty() { 0 } else { number(min)? };
        let max = match numbers.next() {
            None => Some(min),
            Some([]) => None,
            Some(digits) => Some(number(digits)?),
        };
        Ok(Count { min, max })
    }
}

/// Whether what stands behind a `{` makes it a quantifier, be it a wrong one:
/// `n}`, `n,}`, `n,m}` or `,m}`.
pub(super) fn is_count(rest: &[u8]) -> bool {
    let Some(end) = rest.iter().position(|&byte| byte == b'}') else {
        return false;
    };
    let inner = &rest[..end];
    inner.iter().any(u8::is_ascii_digit)
        && inner.iter().all(|byte| byte.is_ascii_digit() || *byte == b',')
        && inner.iter().filter(|&&byte| byte == b',').count() <= 1
}

fn number(digits: &[u8]) -> Result<u32, String> {
    if digits.len() > 1 && digits[0] == b'0' {
        return Err("a count in {…} must not start with 0".to_owned());
    }
    let value = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    value
        .filter(|&value| value <= MAX_REPEAT)
        .ok_or_else(|| format!("a count in {{…}} is larger than {MAX_REPEAT}"))
}
