//! Mistakes in names of clients.

use super::{Advice, Look, doubtful, instead, useless, write};

pub(super) const LOOKS: &[Look] = &[
    ("mail-address", mail_address),
    ("wildcard", wildcard),
    ("leading-dot", leading_dot),
    ("trailing-dot", trailing_dot),
    ("placeholder", placeholder),
    ("nameless-clients", nameless_clients),
    ("not-ascii", not_ascii),
    ("path", path),
    ("top-level-domain", top_level_domain),
];

fn mail_address(rule: &str) -> Option<Advice> {
    let (_, domain) = rule.rsplit_once('@')?;
    let domain = domain.trim_start_matches(['*', '.']).trim_end_matches('.');
    if rule.starts_with('/') {
        return None;
    }
    let remedy = format!(
        "if it is a sender, write the name of the servers that send it, perhaps {domain}, or \
         exempt it in Postfix (check_sender_access before check_policy_service); a recipient \
         belongs into whitelist_recipients"
    );
    Some(useless("is a mail address, and clients are servers: none has this name", instead(remedy)))
}

/// `*.example.com`, `mail*.example.com`, `%.example.com`.
fn wildcard(rule: &str) -> Option<Advice> {
    if rule.starts_with('/') || !rule.contains(['*', '?', '%']) || rule.contains(['\\', '^', '$']) {
        return None;
    }
    let domain = rule.trim_start_matches(['*', '.', '%']);
    let problem = "is taken as it stands: names have no wildcards";
    if domain.is_empty() {
        return Some(useless(problem, instead("delete it: it matches nobody")));
    }
    if !domain.contains(['*', '?', '%']) {
        return Some(useless(problem, write(domain)));
    }
    if domain.ends_with(['*', '?', '%']) {
        let remedy = "write the domains one by one: a name that may end in anything could be \
                      anybody's";
        return Some(useless(problem, instead(remedy)));
    }
    let mut pattern = String::from("/^");
    for character in domain.chars() {
        match character {
            '*' | '%' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            '.' => pattern.push_str("\\."),
            other => pattern.push(other),
        }
    }
    Some(useless(problem, write(pattern + "$/")))
}

fn leading_dot(rule: &str) -> Option<Advice> {
    let name = rule.trim_start_matches('.');
    (name.len() < rule.len() && !name.is_empty()).then(|| {
        useless(
            "matches nobody: a name stands for its subdomains without a dot before it",
            write(name),
        )
    })
}

fn trailing_dot(rule: &str) -> Option<Advice> {
    let name = rule.trim_end_matches('.');
    (name.len() < rule.len() && !name.is_empty()).then(|| {
        useless("matches nobody: mail servers report names without a final dot", write(name))
    })
}

/// Words that stand for everybody elsewhere.
fn placeholder(rule: &str) -> Option<Advice> {
    let is_word = matches!(rule.to_lowercase().as_str(), "any" | "all" | "everyone" | "default");
    is_word.then(|| useless("is taken for the name of a server", instead("delete it")))
}

fn nameless_clients(rule: &str) -> Option<Advice> {
    rule.eq_ignore_ascii_case("unknown").then(|| {
        let problem = "matches every client without a verified name, as most spam has none";
        doubtful(problem, instead("delete it, and write the addresses that are meant"))
    })
}

fn not_ascii(rule: &str) -> Option<Advice> {
    (!rule.is_ascii() && !rule.starts_with('/')).then(|| {
        let remedy = instead("write it as DNS has it, in letters of ASCII: xn--...");
        useless("is no name that a mail server reports: those are ASCII", remedy)
    })
}

fn path(rule: &str) -> Option<Advice> {
    let (name, _) = rule.split_once('/')?;
    let is_name = name.contains('.') && name.bytes().any(|byte| byte.is_ascii_alphabetic());
    (is_name && !name.contains(['^', '$', '\\', ':']))
        .then(|| useless("is no name: a name has no slash", write(name)))
}

fn top_level_domain(rule: &str) -> Option<Advice> {
    let is_label = rule.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_label || rule.eq_ignore_ascii_case("localhost") {
        return None;
    }
    let remedy = "write the whole name, or delete it if all of that is not meant";
    Some(doubtful(format!("matches every client whose name ends in .{rule}"), instead(remedy)))
}
