//! Superfluous rules: other rules match the same or more.

use super::super::finding::Finding;
use crate::lists::{Location, Network, Syntax, pattern_of};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

type Line<'t> = (Location, &'t [u8]);

#[derive(PartialEq, Eq, Hash)]
enum Key<'t> {
    Pattern(&'t [u8]),
    Network(Network),
    Name(Vec<u8>),
}

impl<'t> Key<'t> {
    fn of(syntax: Syntax, rule: &'t [u8]) -> Option<Key<'t>> {
        if pattern_of(rule).is_some() {
            return Some(Key::Pattern(rule));
        }
        match Network::parse(rule).filter(|_| syntax == Syntax::Clients) {
            Some(network) => network.ok().map(Key::Network),
            None => Some(Key::Name(rule.to_ascii_lowercase())),
        }
    }

    fn wider(&self, syntax: Syntax) -> Vec<Key<'t>> {
        let (name, separators): (&[u8], &[u8]) = match (self, syntax) {
            (Key::Network(network), _) => return network.wider().map(Key::Network).collect(),
            // A narrower rule has its own delay; a pattern covers nothing plainly.
            (Key::Pattern(_), _) | (_, Syntax::Delays) => return Vec::new(),
            (Key::Name(name), Syntax::Clients) => (name, b"."),
            (Key::Name(name), Syntax::Addresses) => (name, b".@"),
        };
        let at = name.iter().position(|byte| *byte == b'@').filter(|_| syntax != Syntax::Clients);
        if at == Some(name.len() - 1) {
            return Vec::new();
        }
        let user = at.map(|at| name[..=at].to_vec());
        let starts = (0..name.len()).filter(|at| separators.contains(&name[*at]));
        let domains = starts.map(|at| name[at + 1..].to_vec());
        user.into_iter().chain(domains).map(Key::Name).collect()
    }
}

/// Returns a finding for each superfluous line.
pub(super) fn find(syntax: Syntax, lines: &[Line]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut first: HashMap<Key, &Line> = HashMap::new();
    for line in lines {
        let Some(key) = Key::of(syntax, line.1) else { continue };
        match first.entry(key) {
            Entry::Vacant(place) => {
                place.insert(line);
            }
            Entry::Occupied(other) => {
                findings.push(superfluous(line, "duplicate", other.get()));
            }
        }
    }
    for (key, line) in &first {
        if let Some(wider) = key.wider(syntax).into_iter().find_map(|wider| first.get(&wider)) {
            findings.push(superfluous(line, "covered", wider));
        }
    }
    findings
}

fn superfluous(line: &Line, kind: &'static str, (place, rule): &Line) -> Finding {
    let rule = String::from_utf8_lossy(rule);
    let problem = format!("is covered by {rule} in {}:{}", place.file().display(), place.line());
    Finding::warning(kind, problem, "delete it").of_rule(&line.0, line.1)
}
