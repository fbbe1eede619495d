//! Mistakes in any list: several things in one line, or the syntax of another
//! program's file.

use super::super::finding::{Finding, Fix};
use super::{Lint, addresses};

pub(super) const LINTS: &[Lint] = &[foreign_comment, blank, quoted, prefixed, negation, separator];

/// Actions that follow a name in access(5) and other tables.
const ACTIONS: [&str; 8] = ["ok", "permit", "dunno", "relay", "allow", "accept", "yes", "1"];

/// Prefixes of names in other programs' files.
const PREFIXES: [&str; 13] = [
    "regexp:", "pcre:", "regex:", "host:", "domain:", "ip:", "ip4:", "ip6:", "ipv6:", "ipv4:",
    "mailto:", "connect:", "~",
];

/// Prefixes of names that stand for the hosts in an SPF record.
const OF_SPF: [&str; 3] = ["spf:", "include:", "redirect="];

fn is_pattern(rule: &str) -> bool {
    rule.starts_with('/') && !rule.starts_with("//")
}

fn foreign_comment(rule: &str) -> Option<Finding> {
    let text = ["//", ";", "--", "<!--"].iter().find_map(|sign| rule.strip_prefix(sign))?;
    let is_comment = rule.contains(char::is_whitespace) || rule.starts_with(';');
    let fix = format!("write # {}", text.trim());
    is_comment
        .then(|| Finding::error("foreign-comment", "is not a comment: only # starts one", fix))
}

fn blank(rule: &str) -> Option<Finding> {
    let mut words: Vec<&str> = rule.split_whitespace().collect();
    if words.len() < 2 {
        return None;
    }
    if is_pattern(rule) && rule.ends_with('/') {
        let problem = "is not a pattern: it has a blank";
        return Some(Finding::error("blank", problem, Fix::write(words.join("\\s"))));
    }
    if let Some(finding) = addresses::netmask(&words[..2].join("/")) {
        return Some(Finding { kind: "blank", ..finding });
    }
    let is_sign = |word: &&str| word.starts_with("//") || matches!(*word, ";" | "--" | "-");
    if let Some(at @ 1..) = words.iter().position(is_sign) {
        let note = words[at..].join(" ");
        let note = note.trim_start_matches([';', '/', '-', ' ']);
        let fix = format!("write {} # {note}", words[0]);
        return Some(Finding::error("blank", "has a comment without a # before it", fix));
    }
    words.retain(|word| word.contains(char::is_alphanumeric));
    words.retain(|word| !ACTIONS.contains(&word.to_lowercase().as_str()));
    let is_rule = |word: &&str| word.contains(['.', ':', '@', '/']);
    let fix = match words.iter().copied().find(is_rule) {
        Some(_) if words.iter().all(is_rule) => {
            Fix::Write(words.into_iter().map(str::to_owned).collect())
        }
        Some(first) => Fix::write(first),
        None => Fix::advise("put a # before it if it is a comment, or delete it"),
    };
    Some(Finding::error("blank", "has a blank: a line is one name, address or pattern", fix))
}

fn quoted(rule: &str) -> Option<Finding> {
    let inner = rule.strip_prefix(['"', '\'', '<', '`'])?;
    let inner = inner.strip_suffix(['"', '\'', '>', '`'])?;
    // A quoted user may be part of a mail address.
    let is_quoted = !rule.starts_with(['"', '`']) || !inner.contains('@');
    (is_quoted && !inner.is_empty())
        .then(|| Finding::error("quoted", "has quotes, which no name has", Fix::write(inner)))
}

fn prefixed(rule: &str) -> Option<Finding> {
    let lower = rule.to_lowercase();
    let starts = |prefix: &&&str| lower.starts_with(**prefix) && lower.len() > prefix.len();
    if OF_SPF.iter().any(|prefix| starts(&prefix)) {
        let fix = "write the networks in that SPF record, one a line";
        return Some(Finding::error("prefixed", "is treated as a name: SPF is not looked up", fix));
    }
    let prefix = PREFIXES.iter().find(starts)?;
    let problem = format!("is treated as a name that starts with {prefix}");
    Some(Finding::error("prefixed", problem, Fix::write(rule[prefix.len()..].trim_start())))
}

fn negation(rule: &str) -> Option<Finding> {
    rule.strip_prefix('!').filter(|rest| !rest.is_empty())?;
    let fix = "delete it, and write the other lines so that they do not cover it";
    Some(Finding::error("negation", "is treated as a name: a list has no exceptions", fix))
}

fn separator(rule: &str) -> Option<Finding> {
    if is_pattern(rule) || rule.contains(['[', '(', '\\', '{']) || !rule.contains([',', ';']) {
        return None;
    }
    let parts = rule.split([',', ';']).filter(|part| !part.is_empty());
    let parts: Vec<String> = parts.map(str::to_owned).collect();
    let fix = if parts.is_empty() { Fix::advise("delete it") } else { Fix::Write(parts) };
    Some(Finding::error("separator", "is treated as one name: each rule has its own line", fix))
}
