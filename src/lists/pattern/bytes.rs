//! Sets of bytes: what one step of a pattern matches.
//!
//! Bracketed classes and escapes are worked out here by Perl's rules and
//! written for PCRE2 as plain ranges, so that its own opinions do not matter.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// Which bytes are letters, digits and blanks, and which are equal when case is
/// ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// ASCII's: the default, as lists are read as bytes.
    Bytes,
    /// Unicode's, for the 256 characters of Latin-1: `(?u)`, and the whole of a
    /// pattern that holds `\p{…}` or `\N{U+…}`.
    Unicode,
    /// ASCII's classes with Unicode's cases: `(?a)` and, when `strict`, `(?aa)`,
    /// where no ASCII letter equals another character.
    Ascii {
        /// Whether `ss` is not `ß`.
        strict: bool,
    },
}

/// The byte that differs in case alone, if there is one.
pub(super) fn other_case(byte: u8, rules: Rules) -> Option<u8> {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => Some(byte ^ 0x20),
        0xd7 | 0xdf | 0xf7 | 0xff => None,
        0xc0..=0xfe if rules != Rules::Bytes => Some(byte ^ 0x20),
        _ => None,
    }
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(super) fn empty() -> ByteSet {
        ByteSet([0; 4])
    }

    pub(super) fn of(ranges: &[RangeInclusive<u8>]) -> ByteSet {
        let mut set = ByteSet::empty();
        for range in ranges {
            set.insert(range.clone());
        }
        set
    }

    pub(super) fn insert(&mut self, range: RangeInclusive<u8>) {
        for byte in range {
            self.0[usize::from(byte / 64)] |= 1 << (byte % 64);
        }
    }

    pub(super) fn add(&mut self, other: ByteSet) {
        for (word, added) in self.0.iter_mut().zip(other.0) {
            *word |= added;
        }
    }

    pub(super) fn complement(self) -> ByteSet {
        ByteSet(self.0.map(|word| !word))
    }

    pub(super) fn contains(self, byte: u8) -> bool {
        self.0[usize::from(byte / 64)] & 1 << (byte % 64) != 0
    }

    pub(super) fn len(self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Adds the other case of every letter.
    pub(super) fn ignore_case(&mut self, rules: Rules) {
        for byte in 0..=255 {
            if let Some(other) = other_case(byte, rules).filter(|_| self.contains(byte)) {
                self.insert(other..=other);
            }
        }
    }

    /// The set as a bracketed class of PCRE2.
    pub(super) fn to_class(self) -> String {
        if self.len() == 0 {
            return r"[^\x00-\xff]".to_owned();
        }
        let mut class = String::from("[");
        let mut rest = 0..=255_u8;
        while let Some(first) = rest.find(|&byte| self.contains(byte)) {
            let last = rest.clone().take_while(|&byte| self.contains(byte)).last();
            let _ = write!(class, r"\x{first:02x}");
            if let Some(last) = last {
                let _ = write!(class, r"-\x{last:02x}");
                rest = last..=255;
            }
        }
        class.push(']');
        class
    }
}
