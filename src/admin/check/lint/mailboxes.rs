//! Mistakes in mail addresses of senders and recipients.

use super::super::finding::Fix;
use super::{Check, Lint};

pub(super) const CHECKS: &[Check] = &[
    ("bounces", bounces),
    ("at-domain", at_domain),
    ("wildcard", wildcard),
    ("extension", extension),
    ("leading-dot", leading_dot),
    ("trailing-dot", trailing_dot),
    ("bare-user", bare_user),
];

fn bounces(rule: &str) -> Option<Lint> {
    matches!(rule, "<>" | "\"\"" | "''")
        .then(|| Lint::error("matches nothing: the sender of bounces is empty", Fix::write("/^$/")))
}

fn at_domain(rule: &str) -> Option<Lint> {
    let domain = rule.strip_prefix('@').filter(|domain| !domain.contains(['@', '*']))?;
    let fix = if domain.is_empty() { Fix::advise("delete it") } else { Fix::write(domain) };
    Some(Lint::error("is an address without a user, not the whole domain", fix))
}

/// `*@example.com`, `user@*`, `*.example.com`.
fn wildcard(rule: &str) -> Option<Lint> {
    if rule.starts_with('/') || !rule.contains(['*', '%']) || rule.contains(['\\', '^', '$']) {
        return None;
    }
    let wild: &[char] = &['*', '%', '.'];
    let (user, domain) = rule.split_once('@').unwrap_or(("*", rule));
    let fix = match (user.trim_matches(wild), domain.trim_start_matches(wild)) {
        ("", "") => Fix::advise("delete it"),
        ("", domain) if !domain.contains(['*', '%']) => Fix::write(domain),
        (_, "") if !user.contains(['*', '%']) => Fix::write(format!("{user}@")),
        _ => {
            let pattern = rule.replace('.', "\\.").replace(['*', '%'], ".*");
            Fix::write(format!("/^{pattern}$/"))
        }
    };
    Some(Lint::error("is treated as an address: addresses have no wildcards", fix))
}

/// `user+@example.com`, meant for all extensions.
fn extension(rule: &str) -> Option<Lint> {
    let (user, domain) = rule.split_once("+@")?;
    let problem = "has an empty extension: an address covers its extensions";
    Some(Lint::error(problem, Fix::write(format!("{user}@{domain}"))))
}

fn leading_dot(rule: &str) -> Option<Lint> {
    let domain = rule.trim_start_matches('.');
    (domain.len() < rule.len() && !domain.is_empty() && !rule.contains('@')).then(|| {
        Lint::error("matches nothing: a domain without a dot covers subdomains", Fix::write(domain))
    })
}

fn trailing_dot(rule: &str) -> Option<Lint> {
    let name = rule.trim_end_matches('.');
    (name.len() < rule.len() && !name.is_empty())
        .then(|| Lint::error("matches nothing: addresses have no final dot", Fix::write(name)))
}

fn bare_user(rule: &str) -> Option<Lint> {
    let is_user = !rule.contains(['@', '.', '/', '^', '$', '\\', '[', '(']);
    let fix = Fix::write(format!("{rule}@"));
    is_user.then(|| Lint::error("is treated as a domain: a user ends with @", fix))
}
