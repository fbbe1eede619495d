//! Rules that are plain text, in a hash table: a lookup tries each place in the
//! name where a rule may start or end, regardless of the number of rules.

use std::collections::HashMap;

use super::location::Location;

/// Bytes of the longest name or address that is ever looked up: no request
/// carries a longer one (BEHAVIOUR D2).
pub(super) const MAX_LENGTH: usize = 512;

pub(super) const TOO_LONG: &str = "is longer than any name (512 bytes), ignored";

/// Plain rules, ASCII letters of either case being equal and all other bytes
/// standing for themselves.
#[derive(Debug, Default)]
pub(super) struct Names {
    rules: HashMap<Box<[u8]>, Location>,
    /// Length of the longest rule in bytes: longer candidates need no look.
    longest: usize,
}

impl Names {
    /// Adds a rule; of equal rules the first stays.
    pub(super) fn insert(&mut self, rule: &[u8], location: Location) {
        self.longest = self.longest.max(rule.len());
        self.rules.entry(rule.to_ascii_lowercase().into()).or_insert(location);
    }

    pub(super) fn len(&self) -> usize {
        self.rules.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns the rule that is equal to one of the candidates, which are in
    /// lower case.
    pub(super) fn find<'n>(
        &self,
        candidates: impl IntoIterator<Item = &'n [u8]>,
    ) -> Option<&Location> {
        candidates
            .into_iter()
            .filter(|candidate| candidate.len() <= self.longest)
            .find_map(|candidate| self.rules.get(candidate))
    }
}

/// Returns the part of `name` after each separator, the longest first.
pub(super) fn tails(name: &[u8], is_separator: impl Fn(u8) -> bool) -> impl Iterator<Item = &[u8]> {
    (0..name.len()).filter(move |&at| is_separator(name[at])).map(|at| &name[at + 1..])
}

/// Returns the name in lower case, without a final newline, which Perl's `$`
/// would ignore.
pub(super) fn fold(name: &[u8]) -> Vec<u8> {
    name.strip_suffix(b"\n").unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::Text;
    use super::super::diagnostics::Diagnostics;
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_lookup_asks_once_for_each_label_however_many_rules_there_are() {
        for count in [10, 100_000] {
            let text = Text { file: "list".into(), bytes: b"x\n".repeat(count) };
            let mut names = Names::default();
            for (location, _) in text.rules(&mut Diagnostics::default()) {
                names.insert(format!("host{}.example", location.line()).as_bytes(), location);
            }
            let asked = Cell::new(0);
            let candidates = tails(b".a.mx.host7.example", |byte| byte == b'.')
                .inspect(|_| asked.set(asked.get() + 1));
            assert_eq!(names.find(candidates).map(Location::line), Some(7));
            assert_eq!(asked.get(), 3);
        }
    }
}
