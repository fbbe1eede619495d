//! Lines that other lines make superfluous: the same once more, or within what
//! another exempts anyway.

use super::super::file::Location;
use super::super::names::tails;
use super::super::networks::Network;
use super::super::pattern;
use super::{Finding, doubtful, finding, instead};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

type Line<'t> = (Location, &'t [u8]);

/// Rules of one kind, each with the line where it stands first.
struct First<'t, K> {
    lines: HashMap<K, &'t Line<'t>>,
}

impl<'t, K: Hash + Eq> First<'t, K> {
    fn new() -> First<'t, K> {
        First { lines: HashMap::new() }
    }

    /// Takes a rule; one that was there already is a finding.
    fn take(&mut self, key: K, line: &'t Line<'t>, findings: &mut Vec<Finding>) {
        match self.lines.entry(key) {
            Entry::Vacant(place) => {
                place.insert(line);
            }
            Entry::Occupied(first) => {
                let problem = format!("stands in {} already", place(&first.get().0));
                findings.push(superfluous(line, "duplicate", problem));
            }
        }
    }
}

/// Looks through the lines of clients that have nothing else wrong.
pub(super) fn clients(lines: &[Line<'_>], findings: &mut Vec<Finding>) {
    let (mut names, mut networks, mut patterns) = (First::new(), First::new(), First::new());
    for line in lines {
        let rule = line.1;
        if pattern::of_rule(rule).is_some() {
            patterns.take(rule, line, findings);
        } else if let Some(network) = Network::parse(rule) {
            if let Ok(network) = network {
                networks.take(network, line, findings);
            }
        } else {
            names.take(rule.to_ascii_lowercase(), line, findings);
        }
    }
    for (name, line) in &names.lines {
        let domains = tails(name, |byte| byte == b'.');
        covered(line, domains, |domain| names.lines.get(domain).copied(), findings);
    }
    for (network, line) in &networks.lines {
        covered(line, network.wider(), |wider| networks.lines.get(&wider).copied(), findings);
    }
}

/// The same for recipients: a domain covers its subdomains and addresses, and
/// `user@` those of this user.
pub(super) fn recipients(lines: &[Line<'_>], findings: &mut Vec<Finding>) {
    let names = addresses(lines, findings);
    for (name, line) in &names.lines {
        let user = name.iter().position(|&byte| byte == b'@').map(|at| &name[..=at]);
        let user = user.filter(|user| user.len() < name.len());
        let domains = tails(name, |byte| matches!(byte, b'@' | b'.'));
        let is_address = user.is_some() || !name.contains(&b'@');
        let wider = user.into_iter().chain(domains.filter(|_| is_address));
        covered(line, wider, |wider| names.lines.get(wider).copied(), findings);
    }
}

/// Recipients with delays: a narrower line has a delay of its own, so that only
/// the same once more is superfluous.
pub(super) fn delays(lines: &[Line<'_>], findings: &mut Vec<Finding>) {
    addresses(lines, findings);
}

/// The rules on addresses that are no patterns.
fn addresses<'t>(lines: &'t [Line<'t>], findings: &mut Vec<Finding>) -> First<'t, Vec<u8>> {
    let (mut names, mut patterns) = (First::new(), First::new());
    for line in lines {
        if pattern::of_rule(line.1).is_some() {
            patterns.take(line.1, line, findings);
        } else {
            names.take(line.1.to_ascii_lowercase(), line, findings);
        }
    }
    names
}

fn covered<'t, K>(
    line: &Line<'_>,
    wider: impl Iterator<Item = K>,
    find: impl Fn(K) -> Option<&'t Line<'t>>,
    findings: &mut Vec<Finding>,
) {
    if let Some((origin, rule)) = wider.filter_map(find).next() {
        let rule = String::from_utf8_lossy(rule);
        let problem = format!("is covered by {rule} in {}", place(origin));
        findings.push(superfluous(line, "covered", problem));
    }
}

fn superfluous((origin, rule): &Line<'_>, kind: &'static str, problem: String) -> Finding {
    finding(origin, rule, kind, doubtful(problem, instead("delete it")))
}

fn place(origin: &Location) -> String {
    format!("{}:{}", origin.file().display(), origin.line())
}
