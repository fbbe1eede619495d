//! Patterns that the `regex` crates match in linear time, together in automata.

use regex_automata::meta::{BuildError, Config, Regex};
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind, PatternSet};

use super::super::location::Location;

/// Patterns of one automaton. More would not fit its cache, and be slow.
const SET_SIZE: usize = 100;

/// Bytes of an automaton's cache of states.
const CACHE_SIZE: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Linear {
    pub(super) number: usize,
    pub(super) text: String,
    pub(super) size: u64,
    pub(super) location: Location,
}

#[derive(Debug)]
pub(super) struct Set {
    automaton: Regex,
    patterns: Vec<Linear>,
}

impl Set {
    pub(super) fn len(&self) -> usize {
        self.patterns.len()
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<&Linear> {
        // Most names match none, which is known sooner than which one matches.
        if !self.automaton.is_match(name) {
            return None;
        }
        let mut found = PatternSet::new(self.patterns.len());
        self.automaton.which_overlapping_matches(&Input::new(name), &mut found);
        found.iter().next().map(|index| &self.patterns[index.as_usize()])
    }
}

/// Compiles patterns in their order. Returns also those that are too large for an
/// automaton.
pub(super) fn compile(mut patterns: Vec<Linear>) -> (Vec<Set>, Vec<Linear>) {
    let (mut sets, mut too_large) = (Vec::new(), Vec::new());
    let mut waiting = Vec::new();
    while !patterns.is_empty() {
        let rest = patterns.split_off(patterns.len().min(SET_SIZE));
        waiting.push(std::mem::replace(&mut patterns, rest));
    }
    while let Some(mut patterns) = waiting.pop() {
        let texts: Vec<&str> = patterns.iter().map(|pattern| pattern.text.as_str()).collect();
        let config = config().hybrid_cache_capacity(CACHE_SIZE).match_kind(MatchKind::All);
        let built = Regex::builder().syntax(syntax()).configure(config).build_many(&texts);
        match built {
            Ok(automaton) => sets.push(Set { automaton, patterns }),
            Err(_) if patterns.len() > 1 => {
                let second_half = patterns.split_off(patterns.len() / 2);
                waiting.extend([second_half, patterns]);
            }
            Err(_) => too_large.append(&mut patterns),
        }
    }
    (sets, too_large)
}

/// Compiles one pattern quickly, without a cache of states.
pub(super) fn compile_one(text: &str) -> Result<Regex, Box<BuildError>> {
    let config = config().hybrid(false);
    Regex::builder().syntax(syntax()).configure(config).build(text).map_err(Box::new)
}

/// Disables the crate's search for literals, whose time grows with the square of
/// the number of patterns.
fn config() -> Config {
    Config::new().utf8_empty(false).auto_prefilter(false).nfa_size_limit(Some(10 * 1024 * 1024))
}

/// Names are bytes, and ASCII letters are equal in both cases.
fn syntax() -> syntax::Config {
    syntax::Config::new().case_insensitive(true).unicode(false).utf8(false)
}
