//! Rules that are Perl regular expressions, as far as a line can hold them:
//! no blanks, no `#` (BEHAVIOUR F4).
//!
//! No Rust engine is Perl's. Patterns that mean the same everywhere ([`subset`])
//! are found by a literal that they need ([`keyed`]); those without one share
//! automata ([`linear`]). The others go to PCRE2, which backtracks like Perl and
//! is given limits ([`backtracking`]). A construct that PCRE2 reads differently
//! is refused ([`dialect`]).

mod backtracking;
mod dialect;
mod keyed;
mod linear;
mod literals;
mod single;
mod subset;

pub use single::{Letters, Pattern};

use std::cmp::Reverse;
use std::collections::HashMap;

use backtracking::Backtracking;
pub use backtracking::Budget;
use keyed::Keyed;
use linear::{Linear, Set};
use literals::AnyOf;
use subset::Common;

use super::diagnostics::Diagnostics;
use super::location::Location;

/// Versions of PCRE2 differ in what they accept, so that only the one in pcre2-sys
/// is linked. Cargo sets the variable from `.cargo/config.toml`, and passes over
/// that file when it is run outside of the repository.
const _: () = assert!(
    matches!(option_env!("PCRE2_SYS_STATIC"), Some(value) if matches!(value.as_bytes(), b"1")),
    "run cargo inside the repository, or with PCRE2_SYS_STATIC=1"
);

/// Longest pattern in bytes. An engine's own limit would come soon after.
const MAX_LENGTH: usize = 32 * 1024;

/// States of the largest pattern that shares an automaton; PCRE2 refuses sooner.
const MAX_STATES_OF_ONE: u64 = 50_000;

/// States of the largest pattern that is compiled when its literal is found:
/// some 20 microseconds' work.
const MAX_STATES_OF_KEYED: u64 = 1000;

/// Patterns that may need the same literal, as all of them are tried.
const MAX_SHARING: usize = 100;

/// Bytes of a list's literals: of half a million patterns of the usual size.
const MAX_LITERALS: usize = 8 * 1024 * 1024;

/// States of all patterns of a list that share automata: some 100 MB.
const MAX_STATES: u64 = 1_000_000;

/// Patterns of a list that may need PCRE2. It looks at them one by one, and each
/// may come to hold what its limits allow.
const MAX_BACKTRACKING: usize = 500;

const TOO_MUCH: &str = "pattern ignored, the list's patterns are too large together; write names, \
    domains and networks where they do";

/// The pattern of a rule that is one: all between `/` and `/`, at least one byte.
pub fn of_rule(rule: &[u8]) -> Option<&[u8]> {
    let pattern = rule.strip_prefix(b"/")?.strip_suffix(b"/")?;
    (!pattern.is_empty() && !pattern.iter().any(super::file::is_blank)).then_some(pattern)
}

#[derive(Debug, Default)]
pub(super) struct Patterns {
    keyed: Keyed,
    sets: Vec<Set>,
    backtracking: Backtracking,
}

impl Patterns {
    pub(super) fn len(&self) -> usize {
        let in_sets: usize = self.sets.iter().map(Set::len).sum();
        self.keyed.len() + in_sets + self.backtracking.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn find<'l>(&'l self, name: &[u8], budget: &mut Budget<'l>) -> Option<&'l Location> {
        let in_sets = self.sets.iter().filter_map(|set| set.find(name));
        let linear = in_sets.chain(self.keyed.find(name)).min_by_key(|pattern| pattern.number);
        let end = linear.map_or(usize::MAX, |pattern| pattern.number);
        let earlier = self.backtracking.find(name, end, budget);
        earlier.or_else(|| linear.map(|pattern| &pattern.location))
    }
}

/// Collects a list's patterns and builds [`Patterns`].
#[derive(Debug, Default)]
pub(super) struct Builder {
    count: usize,
    /// Patterns that an automaton may match, each with the sets of literals it needs.
    candidates: Vec<(Linear, Vec<AnyOf>)>,
    backtracking: Backtracking,
}

impl Builder {
    /// Adds the pattern of a rule, or complains that it is refused.
    pub(super) fn add(
        &mut self,
        pattern: &[u8],
        location: Location,
        diagnostics: &mut Diagnostics,
    ) {
        if pattern.len() > MAX_LENGTH {
            let why = format!("pattern ignored, it is longer than {MAX_LENGTH} bytes; split it");
            diagnostics.about(&location, &why);
            return;
        }
        let number = self.count;
        self.count += 1;
        match subset::rewrite(pattern) {
            Some(Common { text, size, literals }) if size <= MAX_STATES_OF_ONE => {
                let linear = Linear { number, text, size, location };
                self.candidates.push((linear, literals));
            }
            _ => self.add_backtracking(number, pattern, location, diagnostics),
        }
    }

    fn add_backtracking(
        &mut self,
        number: usize,
        pattern: &[u8],
        location: Location,
        diagnostics: &mut Diagnostics,
    ) {
        if self.backtracking.len() >= MAX_BACKTRACKING {
            diagnostics.about(&location, TOO_MUCH);
        } else if let Err(why) = self.backtracking.add(number, pattern, location.clone()) {
            diagnostics.about(&location, &format!("pattern ignored, {why}"));
        }
    }

    /// Compiles all. A pattern that is too large for an automaton is left to PCRE2.
    pub(super) fn build(mut self, diagnostics: &mut Diagnostics) -> Patterns {
        let (keyed, mut others) = divide(std::mem::take(&mut self.candidates));
        let keyed = Keyed::new(keyed);
        let mut states = 0;
        others.retain(|pattern| {
            states += pattern.size;
            if states > MAX_STATES {
                diagnostics.about(&pattern.location, TOO_MUCH);
            }
            states <= MAX_STATES
        });
        let (sets, too_large) = linear::compile(others);
        for Linear { number, text, location, .. } in too_large {
            self.add_backtracking(number, text.as_bytes(), location, diagnostics);
        }
        self.backtracking.sort();
        Patterns { keyed, sets, backtracking: self.backtracking }
    }
}

/// Divides patterns into those that a rare literal finds and the others.
fn divide(candidates: Vec<(Linear, Vec<AnyOf>)>) -> (Vec<(Linear, AnyOf)>, Vec<Linear>) {
    let mut sharers: HashMap<Box<[u8]>, usize> = HashMap::new();
    for literal in candidates.iter().flat_map(|(_, literals)| literals.iter().flatten()) {
        *sharers.entry(literal.clone()).or_default() += 1;
    }
    let most_shared = |any_of: &AnyOf| any_of.iter().map(|literal| sharers[literal]).max();
    let mut length = 0;
    let (mut keyed, mut others) = (Vec::new(), Vec::new());
    for (linear, literals) in candidates {
        let rarest = literals
            .into_iter()
            .min_by_key(|any_of| (most_shared(any_of), Reverse(literals::shortest(any_of))))
            .filter(|any_of| most_shared(any_of) <= Some(MAX_SHARING))
            .filter(|_| linear.size <= MAX_STATES_OF_KEYED && length <= MAX_LITERALS);
        match rarest {
            Some(any_of) => {
                length += any_of.iter().map(|literal| literal.len()).sum::<usize>();
                keyed.push((linear, any_of));
            }
            None => others.push(linear),
        }
    }
    (keyed, others)
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;

#[cfg(test)]
mod random_tests;
