//! Mistakes in patterns.

use super::super::{Addresses, Clients, Text, pattern};
use super::{Advice, List, Look, doubtful, instead, useless, write};

/// The kinds of mistakes in a list's patterns.
pub(super) fn looks(list: List) -> &'static [Look] {
    match list {
        List::Clients => &[
            ("pattern-flags", flags),
            ("pattern-without-slashes", no_slashes),
            ("unclosed-pattern", unclosed),
            ("everybody", all_clients),
            ("star-for-anything", star),
            ("pattern-for-domain", domain),
            ("open-end", open_end),
        ],
        List::Recipients | List::Delays => &[
            ("pattern-flags", flags),
            ("pattern-without-slashes", no_slashes),
            ("unclosed-pattern", unclosed),
            ("everybody", all_recipients),
        ],
    }
}

/// A pattern whose line has a `#` in it, which ends the rule.
pub(super) fn cut_by_comment(line: &str) -> Option<Advice> {
    let (rule, rest) = line.split_once('#')?;
    let is_cut = rule.starts_with('/')
        && !(rule.len() > 1 && rule.trim_end().ends_with('/'))
        && rest.contains('/')
        && !rule.trim_end().contains(char::is_whitespace);
    is_cut.then(|| {
        let rule = line.replace("\\#", "\\x23").replace('#', "\\x23");
        useless("is cut at the #, which begins a comment even in a pattern", write(rule))
    })
}

/// `/example/i`.
fn flags(rule: &str) -> Option<Advice> {
    let inner = rule.strip_prefix('/')?;
    let (pattern, flags) = inner.rsplit_once('/')?;
    let are_flags = (1..=3).contains(&flags.len())
        && flags.bytes().all(|byte| matches!(byte, b'i' | b'x' | b's' | b'm' | b'g' | b'o' | b'u'));
    (are_flags && !pattern.is_empty()).then(|| {
        let problem = "is taken for a name: a pattern ends with its slash, and ignores case anyway";
        useless(problem, write(format!("/{pattern}/")))
    })
}

/// `^mail.*\.example\.com$`.
fn no_slashes(rule: &str) -> Option<Advice> {
    let looks_like_one = rule.starts_with('^')
        || rule.ends_with('$')
        || ["\\.", ".*", "\\d", ".+", "[0-9]", "(?"].iter().any(|sign| rule.contains(sign));
    let is_address = rule.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'*'));
    if rule.starts_with('/') || is_address || !looks_like_one {
        return None;
    }
    if rule.starts_with("*.") && !rule.contains('\\') && !rule.ends_with('$') {
        return None;
    }
    let pattern = rule.strip_suffix('/').unwrap_or(rule);
    Some(useless(
        "is taken for a name: a pattern stands between slashes",
        write(format!("/{pattern}/")),
    ))
}

/// `/^mail`, `/example.com`.
fn unclosed(rule: &str) -> Option<Advice> {
    if let Some(name) = rule.strip_suffix('/').filter(|name| is_name(name)) {
        return Some(useless("is taken for a name with a slash, which none has", write(name)));
    }
    let pattern = rule.strip_prefix('/')?;
    let is_open = pattern.is_empty() || !pattern.ends_with('/') || pattern == "/";
    is_open.then(|| {
        let remedy = match pattern {
            "" | "/" => instead("delete it"),
            name if is_name(name) => write(name),
            pattern => write(format!("/{pattern}/")),
        };
        useless("is taken for a name: a pattern ends with a slash", remedy)
    })
}

fn is_name(text: &str) -> bool {
    text.contains('.')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'@'))
}

/// Names as different as names can be.
const NAMES: [&str; 6] =
    ["unknown", "a", "mx1.example.com", "198-51-100-7.pool.example.net", "xn--e1a.example", "9"];

fn list_of(rule: &str) -> [Text; 1] {
    [Text { file: "".into(), bytes: rule.as_bytes().to_vec() }]
}

fn all_clients(rule: &str) -> Option<Advice> {
    pattern::of_rule(rule.as_bytes())?;
    let clients = Clients::parse(list_of(rule), &mut Vec::new());
    let matches = |name: &&str| clients.by_name(name.as_bytes(), &mut Vec::new()).is_some();
    NAMES.iter().all(matches).then(everybody)
}

fn all_recipients(rule: &str) -> Option<Advice> {
    pattern::of_rule(rule.as_bytes())?;
    let recipients = Addresses::parse(list_of(rule), &mut Vec::new());
    let matches = |name: &&str| {
        let address = format!("{name}@{name}");
        recipients.find(address.as_bytes(), &mut Vec::new()).is_some()
    };
    NAMES.iter().all(matches).then(everybody)
}

fn everybody() -> Advice {
    useless("matches everything: nothing is greylisted", instead("say what is meant, or delete it"))
}

/// `/.*\.example\.com$/`, `/example.com/`: a name would do.
fn domain(rule: &str) -> Option<Advice> {
    let pattern = std::str::from_utf8(pattern::of_rule(rule.as_bytes())?).ok()?;
    let domain = domain_of(pattern)?;
    let problem = if !pattern.ends_with('$') {
        format!("matches wherever {domain} stands in a name, also in one like {domain}.evil.test")
    } else if starts_openly(pattern) {
        format!("also matches names like evil-{domain}")
    } else {
        "does what a name does, which is quicker and leaves no doubt".to_owned()
    };
    Some(doubtful(problem, write(domain)))
}

/// Whether a name of another domain may end like this.
fn starts_openly(pattern: &str) -> bool {
    let rest = pattern.strip_prefix('^').unwrap_or(pattern);
    let rest = ["(.*)", ".*", ".+", "*"].iter().find_map(|any| rest.strip_prefix(any));
    match rest {
        Some(rest) => !rest.starts_with("\\."),
        None => !pattern.starts_with('^') && !pattern.starts_with("\\."),
    }
}

/// The domain that a pattern is about, if it is about nothing but one.
fn domain_of(pattern: &str) -> Option<String> {
    let rest = pattern.strip_prefix('^').unwrap_or(pattern);
    let any = ["(.*)", ".*", ".+", "*"].iter().find_map(|any| rest.strip_prefix(any));
    if any.is_none() && pattern.starts_with('^') {
        return None;
    }
    let rest = any.unwrap_or(rest);
    let rest = rest.strip_suffix('$').unwrap_or(rest);
    let rest = rest.strip_suffix(".*").unwrap_or(rest);
    let rest = rest.strip_prefix("\\.").or_else(|| rest.strip_prefix('.')).unwrap_or(rest);
    let name = rest.replace("\\.", ".").replace("\\-", "-");
    let is_whole = !name.starts_with(['.', '-']) && !name.ends_with('.');
    (is_whole && is_name(&name) && !name.contains('@')).then_some(name)
}

/// `mail*\.example\.com`: the star repeats the letter before it.
fn star(rule: &str) -> Option<Advice> {
    let pattern = std::str::from_utf8(pattern::of_rule(rule.as_bytes())?).ok()?;
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
        let problem = "has a * behind a letter, which repeats that letter and stands for nothing \
                       else";
        doubtful(problem, write(format!("/{better}/")))
    })
}

/// A name that goes on may be anybody's.
fn open_end(rule: &str) -> Option<Advice> {
    let pattern = std::str::from_utf8(pattern::of_rule(rule.as_bytes())?).ok()?;
    let body = pattern.strip_suffix('$').unwrap_or(pattern);
    let goes_on = [".*", ".+", "(.*)", ".*?"].iter().any(|end| body.ends_with(end));
    let is_closed = ["$", "\\z", "\\Z", "$)"].iter().any(|end| pattern.ends_with(end));
    if is_closed && !goes_on || !List::Clients.parse(rule.as_bytes()).is_empty() {
        return None;
    }
    let is_whole = !goes_on && pattern.contains("\\.") && !pattern.contains('|');
    let remedy = if is_whole {
        write(format!("/{pattern}$/"))
    } else {
        instead("end it with the whole domain and a $, like /\\.example\\.com$/")
    };
    let problem = "also matches names that go on, like ....evil.test: its end is open";
    Some(doubtful(problem, remedy))
}
