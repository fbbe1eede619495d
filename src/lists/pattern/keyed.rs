//! Patterns that need a literal, found by it: automata of all literals read the
//! name, and only patterns whose literal the name holds are tried.

use std::cell::RefCell;
use std::collections::HashMap;

use aho_corasick::AhoCorasick;
use regex_automata::meta::Regex;

use super::linear::{self, Linear};
use super::literals::AnyOf;

/// Compiled patterns that are kept, some 10 KiB each.
const MAX_COMPILED: usize = 1000;

/// The number of literals per automaton: if many are prefixes of others, the time
/// to build it grows with the square of their number.
const AUTOMATON_SIZE: usize = if cfg!(test) { 500 } else { 5_000 };

/// Patterns, each with literals of which it needs one.
#[derive(Debug, Default)]
pub(super) struct Keyed {
    patterns: Vec<Linear>,
    /// Find the literals, [`AUTOMATON_SIZE`] each; `None` if they are too large for one,
    /// so that all their patterns are tried.
    automata: Vec<Option<AhoCorasick>>,
    by_literal: Vec<Vec<u32>>,
    compiled: RefCell<HashMap<u32, Regex>>,
}

impl Keyed {
    /// Builds the automata of literals.
    pub(super) fn new(patterns: Vec<(Linear, AnyOf)>) -> Keyed {
        let mut keyed = Keyed::default();
        let mut indices: HashMap<Box<[u8]>, usize> = HashMap::new();
        let mut literals: Vec<Box<[u8]>> = Vec::new();
        for (index, (pattern, any_of)) in (0..).zip(patterns) {
            keyed.patterns.push(pattern);
            for literal in any_of {
                let at = *indices.entry(literal).or_insert_with_key(|literal| {
                    literals.push(literal.clone());
                    keyed.by_literal.push(Vec::new());
                    literals.len() - 1
                });
                keyed.by_literal[at].push(index);
            }
        }
        for literals in literals.chunks(AUTOMATON_SIZE) {
            let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(literals);
            keyed.automata.push(automaton.ok());
        }
        keyed
    }

    pub(super) fn len(&self) -> usize {
        self.patterns.len()
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<&Linear> {
        let index = self.candidates(name).into_iter().find(|&index| self.matches(index, name))?;
        Some(&self.patterns[index as usize])
    }

    /// The patterns of which the name holds a literal, in their order.
    pub(super) fn candidates(&self, name: &[u8]) -> Vec<u32> {
        let mut candidates = Vec::new();
        for (automaton, by_literal) in
            self.automata.iter().zip(self.by_literal.chunks(AUTOMATON_SIZE))
        {
            let Some(automaton) = automaton else {
                candidates.extend(by_literal.iter().flatten());
                continue;
            };
            for found in automaton.find_overlapping_iter(name) {
                candidates.extend_from_slice(&by_literal[found.pattern().as_usize()]);
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }

    fn matches(&self, index: u32, name: &[u8]) -> bool {
        let mut compiled = self.compiled.borrow_mut();
        if let Some(regex) = compiled.get(&index) {
            return regex.is_match(name);
        }
        // It can be compiled: it was parsed, and `Linear::size` bounds it.
        let Ok(regex) = linear::compile_one(&self.patterns[index as usize].text) else {
            return false;
        };
        let is_match = regex.is_match(name);
        if compiled.len() >= MAX_COMPILED {
            compiled.clear();
        }
        compiled.insert(index, regex);
        is_match
    }
}
