//! Mistakes in the list of recipients.

use super::{Advice, Look, instead, useless, write};
use std::net::IpAddr;

pub(super) const LOOKS: &[Look] = &[
    ("bounces", bounces),
    ("at-domain", at_domain),
    ("wildcard", wildcard),
    ("extension", extension),
    ("client-address", client_address),
    ("leading-dot", leading_dot),
    ("trailing-dot", trailing_dot),
    ("bare-user", bare_user),
];

fn bounces(rule: &str) -> Option<Advice> {
    matches!(rule, "<>" | "\"\"" | "''").then(|| {
        useless(
            "matches nobody: the sender of bounces is empty, with nothing around it",
            write("/^$/"),
        )
    })
}

fn at_domain(rule: &str) -> Option<Advice> {
    let domain = rule.strip_prefix('@').filter(|domain| !domain.contains(['@', '*']))?;
    let problem = "is only an address without a user, and not the whole domain";
    let remedy = if domain.is_empty() { instead("delete it") } else { write(domain) };
    Some(useless(problem, remedy))
}

/// `*@example.com`, `user@*`, `*.example.com`.
fn wildcard(rule: &str) -> Option<Advice> {
    if rule.starts_with('/') || !rule.contains(['*', '%']) || rule.contains(['\\', '^', '$']) {
        return None;
    }
    let problem = "is taken as it stands: addresses have no wildcards";
    let stars: &[char] = &['*', '%', '.'];
    let (user, domain) = rule.split_once('@').unwrap_or(("*", rule));
    let remedy = match (user.trim_matches(stars), domain.trim_start_matches(stars)) {
        ("", "") => instead("delete it; to greylist nobody, take postgrey out of main.cf"),
        ("", domain) if !domain.contains(['*', '%']) => write(domain),
        (_, "") if !user.contains(['*', '%']) => write(format!("{user}@")),
        _ => {
            let escape = |text: &str| text.replace('.', "\\.").replace(['*', '%'], ".*");
            write(format!("/^{}@{}$/", escape(user), escape(domain)))
        }
    };
    Some(useless(problem, remedy))
}

/// `user+@example.com`, meant for all extensions.
fn extension(rule: &str) -> Option<Advice> {
    let (user, domain) = rule.split_once("+@")?;
    let remedy = write(format!("{user}@{domain}"));
    Some(useless("is no address that gets mail; an address stands for its extensions, too", remedy))
}

fn client_address(rule: &str) -> Option<Advice> {
    let address = rule.split('/').next()?;
    address.parse::<IpAddr>().ok()?;
    let remedy = instead("move it to whitelist_clients, the list of servers");
    Some(useless("is the address of a server, and recipients are mail addresses", remedy))
}

fn leading_dot(rule: &str) -> Option<Advice> {
    let domain = rule.trim_start_matches('.');
    (domain.len() < rule.len() && !domain.is_empty() && !rule.contains('@')).then(|| {
        useless("matches nobody: a domain stands for its subdomains without a dot", write(domain))
    })
}

fn trailing_dot(rule: &str) -> Option<Advice> {
    let name = rule.trim_end_matches('.');
    (name.len() < rule.len() && !name.is_empty())
        .then(|| useless("matches nobody: addresses are without a final dot", write(name)))
}

fn bare_user(rule: &str) -> Option<Advice> {
    let is_user = !rule.contains(['@', '.', '/', '^', '$', '\\', '[', '(']);
    is_user.then(|| {
        useless(
            "is taken for a domain: a user of any domain has an @ behind",
            write(format!("{rule}@")),
        )
    })
}
