//! Mistakes of either list: more than one thing in a line, or signs around it
//! that other programs' files have.

use super::{Advice, Look, Remedy, instead, useless, write};

pub(super) const LOOKS: &[Look] = &[
    ("foreign-comment", foreign_comment),
    ("blank", blank),
    ("quoted", quoted),
    ("prefixed", prefixed),
    ("url", url),
    ("negation", negation),
    ("separator", separator),
];

/// What Postfix's access(5) and other tables have behind the name.
const ACTIONS: [&str; 8] = ["ok", "permit", "dunno", "relay", "allow", "accept", "yes", "1"];

/// What other programs' files put before the name.
const PREFIXES: [&str; 13] = [
    "regexp:", "pcre:", "regex:", "host:", "domain:", "ip:", "ip4:", "ip6:", "ipv6:", "ipv4:",
    "include:", "mailto:", "connect:",
];

fn is_pattern(rule: &str) -> bool {
    rule.starts_with('/') && !rule.starts_with("//")
}

fn foreign_comment(rule: &str) -> Option<Advice> {
    let text = ["//", ";", "--", "<!--"].iter().find_map(|sign| rule.strip_prefix(sign))?;
    let is_note = rule.contains(char::is_whitespace) || rule.starts_with(';');
    is_note.then(|| {
        let remedy = write_comment(text.trim());
        useless("is no comment for postgrey: only # begins one", remedy)
    })
}

/// A comment is no rule, so that no further look may be taken at it.
fn write_comment(text: &str) -> Remedy {
    instead(format!("write # {text}"))
}

fn blank(rule: &str) -> Option<Advice> {
    if !rule.contains(char::is_whitespace) {
        return None;
    }
    if is_pattern(rule) && rule.ends_with('/') {
        let remedy = write(rule.split_whitespace().collect::<Vec<_>>().join("\\s"));
        return Some(useless("is no pattern, as it holds a blank", remedy));
    }
    let mut words: Vec<&str> = rule.split_whitespace().collect();
    let is_sign = |word: &&str| word.starts_with("//") || matches!(*word, ";" | "--" | "-");
    if let Some(at) = words.iter().position(is_sign) {
        let (rule, note) = (words[0], words[at..].join(" "));
        if at > 0 {
            let note = note.trim_start_matches([';', '/', '-', ' ']);
            let remedy = instead(format!("write {rule} # {note}"));
            return Some(useless("holds a remark without a # before it", remedy));
        }
    }
    words.retain(|word| word.contains(char::is_alphanumeric));
    words.retain(|word| !ACTIONS.contains(&word.to_lowercase().as_str()));
    let looks_right = |word: &&str| word.contains(['.', ':', '@', '/']);
    let remedy = if words.iter().all(looks_right) && !words.is_empty() {
        Remedy::Write(words.into_iter().map(str::to_owned).collect())
    } else {
        match words.into_iter().find(looks_right) {
            Some(word) => write(word),
            None => instead("put a # before it if it is a remark, or delete it"),
        }
    };
    Some(useless("holds a blank: a line is one name, address or pattern and nothing else", remedy))
}

fn quoted(rule: &str) -> Option<Advice> {
    let inner = rule.strip_prefix(['"', '\'', '<', '`'])?;
    let inner = inner.strip_suffix(['"', '\'', '>', '`'])?;
    let is_address = rule.starts_with('<') || !inner.contains('@') || rule.starts_with('\'');
    (is_address && !inner.is_empty())
        .then(|| useless("is taken with its quotes, which no name has", write(inner)))
}

fn prefixed(rule: &str) -> Option<Advice> {
    let lower = rule.to_lowercase();
    let prefix = PREFIXES.iter().find(|prefix| lower.starts_with(**prefix))?;
    let rest = &rule[prefix.len()..];
    (!rest.is_empty())
        .then(|| useless(format!("is taken with its {prefix} as a part of the name"), write(rest)))
}

fn url(rule: &str) -> Option<Advice> {
    let (scheme, rest) = rule.split_once("://")?;
    let host = rest.split(['/', ':', '?']).next()?;
    let host = host.strip_prefix("www.").unwrap_or(host);
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic());
    (is_scheme && !host.is_empty())
        .then(|| useless("is the address of a web page, not of a mail server", write(host)))
}

fn negation(rule: &str) -> Option<Advice> {
    rule.strip_prefix('!').filter(|rest| !rest.is_empty()).map(|_| {
        let remedy = instead("delete it, and write the other lines so that they do not cover it");
        useless("is taken as a name with a !: there are no exceptions in a list", remedy)
    })
}

fn separator(rule: &str) -> Option<Advice> {
    if is_pattern(rule) || rule.contains(['[', '(', '\\', '{']) || !rule.contains([',', ';']) {
        return None;
    }
    let parts = rule.split([',', ';']).filter(|part| !part.is_empty());
    let parts: Vec<String> = parts.map(str::to_owned).collect();
    let remedy = match parts.is_empty() {
        true => instead("delete it"),
        false => Remedy::Write(parts),
    };
    Some(useless("is taken as one name with its commas: each rule has a line of its own", remedy))
}
