//! Mistakes in patterns.

use super::super::finding::{Finding, Fix};
use super::Lint;
use crate::lists::{Addresses, Budget, Clients, Text, pattern_of};

pub(super) const OF_CLIENTS: &[Lint] =
    &[flags, no_slashes, unclosed, all_clients, star, domain, open_end];

pub(super) const OF_ADDRESSES: &[Lint] = &[flags, no_slashes, unclosed, all_addresses];

/// A pattern with a `#`, which ends the rule. `line` is the line with its comment.
pub(super) fn cut_by_comment(line: &str) -> Option<Finding> {
    let (rule, rest) = line.split_once('#')?;
    let rule = rule.trim_end();
    let is_cut = rule.starts_with('/')
        && !(rule.len() > 1 && rule.ends_with('/'))
        && rest.contains('/')
        && !rule.contains(char::is_whitespace);
    let fix = Fix::write(line.replace("\\#", "\\x23").replace('#', "\\x23"));
    let problem = "is cut at the #, which starts a comment even in a pattern";
    is_cut.then(|| Finding::error("comment-in-pattern", problem, fix))
}

/// `/example/i`.
fn flags(rule: &str) -> Option<Finding> {
    let (pattern, flags) = rule.strip_prefix('/')?.rsplit_once('/')?;
    let are_flags =
        (1..=3).contains(&flags.len()) && flags.bytes().all(|flag| b"ixsmgou".contains(&flag));
    let problem = "is treated as a name: a pattern ends with its slash, and ignores case";
    (are_flags && !pattern.is_empty())
        .then(|| Finding::error("pattern-flags", problem, Fix::write(format!("/{pattern}/"))))
}

/// `^mail.*\.example\.com$`.
fn no_slashes(rule: &str) -> Option<Finding> {
    let is_pattern = rule.starts_with('^')
        || rule.ends_with('$')
        || ["\\.", ".*", "\\d", ".+", "[0-9]", "(?"].iter().any(|sign| rule.contains(sign));
    let is_address = rule.bytes().all(|byte| byte.is_ascii_digit() || b".*".contains(&byte));
    let is_wildcard = rule.starts_with("*.") && !rule.contains('\\') && !rule.ends_with('$');
    if rule.starts_with('/') || is_address || is_wildcard || !is_pattern {
        return None;
    }
    let pattern = rule.strip_suffix('/').unwrap_or(rule);
    let problem = "is treated as a name: a pattern stands between slashes";
    Some(Finding::error("pattern-without-slashes", problem, Fix::write(format!("/{pattern}/"))))
}

/// `/^mail`, `/example.com`, `example.com/`.
fn unclosed(rule: &str) -> Option<Finding> {
    if let Some(name) = rule.strip_suffix('/').filter(|name| is_name(name)) {
        let problem = "has a slash, which no name has";
        return Some(Finding::error("unclosed-pattern", problem, Fix::write(name)));
    }
    let pattern = rule.strip_prefix('/')?;
    if !matches!(pattern, "" | "/") && pattern.ends_with('/') {
        return None;
    }
    let fix = match pattern {
        "" | "/" => Fix::advise("delete it"),
        name if is_name(name) => Fix::write(name),
        pattern => Fix::write(format!("/{pattern}/")),
    };
    let problem = "is treated as a name: a pattern ends with a slash";
    Some(Finding::error("unclosed-pattern", problem, fix))
}

fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b".-@".contains(&byte);
    text.contains('.') && text.bytes().all(is_letter)
}

/// Names as different as names can be.
const NAMES: [&str; 6] =
    ["unknown", "a", "mx1.example.com", "198-51-100-7.pool.example.net", "xn--e1a.example", "9"];

fn list_of(rule: &str) -> [Text; 1] {
    [Text { file: "".into(), bytes: rule.as_bytes().to_vec() }]
}

fn all_clients(rule: &str) -> Option<Finding> {
    pattern_of(rule.as_bytes())?;
    let clients = Clients::parse(list_of(rule), &mut Vec::new());
    let matches = |name: &&str| clients.by_name(name.as_bytes(), &mut Budget::default()).is_some();
    NAMES.iter().all(matches).then(everybody)
}

fn all_addresses(rule: &str) -> Option<Finding> {
    pattern_of(rule.as_bytes())?;
    let addresses = Addresses::parse(list_of(rule), &mut Vec::new());
    let matches = |name: &&str| {
        let address = format!("{name}@{name}");
        addresses.find(address.as_bytes(), &mut Budget::default()).is_some()
    };
    NAMES.iter().all(matches).then(everybody)
}

fn everybody() -> Finding {
    Finding::error("everybody", "matches everything", "write what is meant, or delete it")
}

/// `/.*\.example\.com$/`, `/example.com/`, for which a name is enough.
fn domain(rule: &str) -> Option<Finding> {
    let pattern = std::str::from_utf8(pattern_of(rule.as_bytes())?).ok()?;
    let domain = domain_of(pattern)?;
    let problem = if !pattern.ends_with('$') {
        format!("matches anywhere in a name, also {domain}.evil.test")
    } else if starts_openly(pattern) {
        format!("also matches names like evil-{domain}")
    } else {
        "does the same as a name".to_owned()
    };
    Some(Finding::warning("pattern-for-domain", problem, Fix::write(domain)))
}

/// Returns what follows a start that stands for anything.
fn after_anything(pattern: &str) -> Option<&str> {
    let rest = pattern.strip_prefix('^').unwrap_or(pattern);
    ["(.*)", ".*", ".+", "*"].iter().find_map(|any| rest.strip_prefix(any))
}

/// Returns true if a name of another domain may end like this.
fn starts_openly(pattern: &str) -> bool {
    match after_anything(pattern) {
        Some(rest) => !rest.starts_with("\\."),
        None => !pattern.starts_with('^') && !pattern.starts_with("\\."),
    }
}

/// Returns the domain if a pattern is about exactly one.
fn domain_of(pattern: &str) -> Option<String> {
    let rest =
        after_anything(pattern).or_else(|| (!pattern.starts_with('^')).then_some(pattern))?;
    let rest = rest.strip_suffix('$').unwrap_or(rest);
    let rest = rest.strip_suffix(".*").unwrap_or(rest);
    let rest = rest.strip_prefix("\\.").or_else(|| rest.strip_prefix('.')).unwrap_or(rest);
    let name = rest.replace("\\.", ".").replace("\\-", "-");
    let is_whole = !name.starts_with(['.', '-']) && !name.ends_with('.');
    (is_whole && is_name(&name) && !name.contains('@')).then_some(name)
}

/// `mail*\.example\.com`: the star repeats the letter before it.
fn star(rule: &str) -> Option<Finding> {
    let pattern = std::str::from_utf8(pattern_of(rule.as_bytes())?).ok()?;
    let mut better = String::new();
    let (mut is_escaped, mut is_in_class, mut is_letter, mut is_found) =
        (false, false, false, false);
    for character in pattern.chars() {
        if character == '*' && is_letter {
            better.push('.');
            is_found = true;
        }
        better.push(character);
        is_in_class = !is_escaped && (character == '[' || is_in_class && character != ']');
        is_letter =
            !is_escaped && !is_in_class && (character.is_ascii_alphanumeric() || character == '-');
        is_escaped = !is_escaped && character == '\\';
    }
    is_found.then(|| {
        let problem = "has a * after a letter, which repeats that letter and matches nothing else";
        Finding::warning("star-for-anything", problem, Fix::write(format!("/{better}/")))
    })
}

/// Any owner can have a name that continues.
fn open_end(rule: &str) -> Option<Finding> {
    let pattern = std::str::from_utf8(pattern_of(rule.as_bytes())?).ok()?;
    let body = pattern.strip_suffix('$').unwrap_or(pattern);
    let goes_on = [".*", ".+", "(.*)", ".*?"].iter().any(|end| body.ends_with(end));
    let is_closed = ["$", "\\z", "\\Z", "$)"].iter().any(|end| pattern.ends_with(end));
    // The daemon refuses an invalid pattern with a better message.
    let is_valid = || !Clients::parse(list_of(rule), &mut Vec::new()).is_empty();
    if is_closed && !goes_on || !is_valid() {
        return None;
    }
    let is_whole = !goes_on && pattern.contains("\\.") && !pattern.contains('|');
    let fix = if is_whole {
        Fix::write(format!("/{pattern}$/"))
    } else {
        Fix::advise("end it with the whole domain and a $, like /\\.example\\.com$/")
    };
    let problem = "also matches names that continue, like ....evil.test: its end is open";
    Some(Finding::warning("open-end", problem, fix))
}
