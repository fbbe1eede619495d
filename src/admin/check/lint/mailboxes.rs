//! Mistakes in mail addresses of senders and recipients.

use super::super::finding::{Finding, Fix};
use super::{Lint, leading_dot, trailing_dot};

pub(super) const LINTS: &[Lint] =
    &[bounces, at_domain, wildcard, extension, leading_dot, trailing_dot, bare_user];

fn bounces(rule: &str) -> Option<Finding> {
    matches!(rule, "<>" | "\"\"" | "''").then(|| {
        Finding::error(
            "bounces",
            "matches nothing: the sender of bounces is empty",
            Fix::write("/^$/"),
        )
    })
}

fn at_domain(rule: &str) -> Option<Finding> {
    let domain = rule.strip_prefix('@').filter(|domain| !domain.contains(['@', '*']))?;
    let fix = if domain.is_empty() { Fix::advise("delete it") } else { Fix::write(domain) };
    Some(Finding::error("at-domain", "is an address without a user, not the whole domain", fix))
}

/// `*@example.com`, `user@*`, `*.example.com`.
fn wildcard(rule: &str) -> Option<Finding> {
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
    Some(Finding::error("wildcard", "is treated as an address: addresses have no wildcards", fix))
}

/// `user+@example.com`, meant for all extensions.
fn extension(rule: &str) -> Option<Finding> {
    let (user, domain) = rule.split_once("+@")?;
    let problem = "has an empty extension: an address covers its extensions";
    Some(Finding::error("extension", problem, Fix::write(format!("{user}@{domain}"))))
}

fn bare_user(rule: &str) -> Option<Finding> {
    let is_user = !rule.contains(['@', '.', '/', '^', '$', '\\', '[', '(']);
    let fix = Fix::write(format!("{rule}@"));
    is_user.then(|| Finding::error("bare-user", "is treated as a domain: a user ends with @", fix))
}
