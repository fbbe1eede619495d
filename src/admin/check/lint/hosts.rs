//! Mistakes in host names of clients.

use super::super::finding::{Finding, Fix};
use super::{Lint, leading_dot, trailing_dot};

pub(super) const LINTS: &[Lint] = &[
    wildcard,
    leading_dot,
    trailing_dot,
    placeholder,
    nameless_clients,
    not_ascii,
    top_level_domain,
];

/// `*.example.com`, `mail*.example.com`, `%.example.com`.
fn wildcard(rule: &str) -> Option<Finding> {
    const WILD: [char; 3] = ['*', '?', '%'];
    if rule.starts_with('/') || !rule.contains(WILD) || rule.contains(['\\', '^', '$']) {
        return None;
    }
    let domain = rule.trim_start_matches(['*', '.', '%']);
    let fix = if domain.is_empty() {
        Fix::advise("delete it: it matches no client")
    } else if !domain.contains(WILD) {
        Fix::write(domain)
    } else if domain.ends_with(WILD) {
        Fix::advise("write the domains one by one: any owner can have a name that ends in anything")
    } else {
        let pattern = domain.replace('.', "\\.").replace(['*', '%'], ".*").replace('?', ".");
        Fix::write(format!("/^{pattern}$/"))
    };
    Some(Finding::error("wildcard", "is treated as a name: names have no wildcards", fix))
}

fn placeholder(rule: &str) -> Option<Finding> {
    let is_word = matches!(rule.to_lowercase().as_str(), "any" | "all" | "everyone" | "default");
    is_word.then(|| Finding::error("placeholder", "is treated as the name of a host", "delete it"))
}

fn nameless_clients(rule: &str) -> Option<Finding> {
    let problem = "matches every client without a verified name, as most spam has none";
    let fix = "delete it, and write the addresses that are meant";
    rule.eq_ignore_ascii_case("unknown").then(|| Finding::warning("nameless-clients", problem, fix))
}

fn not_ascii(rule: &str) -> Option<Finding> {
    let fix = "write it as in DNS, in ASCII: xn--...";
    (!rule.is_ascii() && !rule.starts_with('/'))
        .then(|| Finding::error("not-ascii", "matches nothing: names of hosts are ASCII", fix))
}

fn top_level_domain(rule: &str) -> Option<Finding> {
    let is_label = rule.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_label || rule.eq_ignore_ascii_case("localhost") {
        return None;
    }
    let problem = format!("matches every client whose name ends in .{rule}");
    Some(Finding::warning("top-level-domain", problem, "write the whole name, or delete it"))
}
