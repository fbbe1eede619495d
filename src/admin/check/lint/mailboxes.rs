//! Mistakes in mail addresses of senders and recipients.

use super::super::finding::Fix;
use super::{Lint, Mistake, leading_dot, trailing_dot};

pub(super) const LINTS: &[Lint] = &[
    ("bounces", bounces),
    ("at-domain", at_domain),
    ("wildcard", wildcard),
    ("extension", extension),
    ("leading-dot", leading_dot),
    ("trailing-dot", trailing_dot),
    ("bare-user", bare_user),
];

fn bounces(rule: &str) -> Option<Mistake> {
    matches!(rule, "<>" | "\"\"" | "''").then(|| {
        Mistake::error("matches nothing: the sender of bounces is empty", Fix::write("/^$/"))
    })
}

fn at_domain(rule: &str) -> Option<Mistake> {
    let domain = rule.strip_prefix('@').filter(|domain| !domain.contains(['@', '*']))?;
    let fix = if domain.is_empty() { Fix::advise("delete it") } else { Fix::write(domain) };
    Some(Mistake::error("is an address without a user, not the whole domain", fix))
}

/// `*@example.com`, `user@*`, `*.example.com`.
fn wildcard(rule: &str) -> Option<Mistake> {
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
    Some(Mistake::error("is treated as an address: addresses have no wildcards", fix))
}

/// `user+@example.com`, meant for all extensions.
fn extension(rule: &str) -> Option<Mistake> {
    let (user, domain) = rule.split_once("+@")?;
    let problem = "has an empty extension: an address covers its extensions";
    Some(Mistake::error(problem, Fix::write(format!("{user}@{domain}"))))
}

fn bare_user(rule: &str) -> Option<Mistake> {
    let is_user = !rule.contains(['@', '.', '/', '^', '$', '\\', '[', '(']);
    let fix = Fix::write(format!("{rule}@"));
    is_user.then(|| Mistake::error("is treated as a domain: a user ends with @", fix))
}
