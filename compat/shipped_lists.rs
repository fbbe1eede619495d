//! The lists that this project ships, compared with those of the original.

use ipnet::IpNet;
use postgrey::lists::{Addresses, Budget, Clients, Text};
use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The rules of a list: lines without comments and blanks.
fn rules(text: &Text) -> Vec<String> {
    let content = String::from_utf8(text.bytes.clone()).expect("UTF-8");
    let lines = content.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|rule| !rule.is_empty()).map(str::to_string).collect()
}

fn list(path: &Path) -> Text {
    let bytes = fs::read(path).unwrap_or_else(|error| {
        panic!("{}: {error}: apt-get install postgrey", path.display());
    });
    Text { file: path.to_path_buf(), bytes }
}

fn ours(name: &str) -> Text {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("debian");
    list(&folder.join(format!("postgrey_{name}")))
}

fn both_of_ours() -> Text {
    let lists = [ours("whitelist_clients"), ours("whitelist_clients.d/large-providers.conf")];
    let [needed, large] = lists.each_ref().map(rules);
    assert!(needed.len() > 100 && large.len() > 20, "{} and {}", needed.len(), large.len());
    let twice: Vec<_> = needed.iter().filter(|rule| large.contains(rule)).collect();
    assert!(twice.is_empty(), "in both of our lists: {twice:?}");
    Text { bytes: lists.map(|list| list.bytes).concat(), file: "both".into() }
}

/// As the package ships it, even if the administrator has changed his copy.
fn theirs(name: &str) -> Text {
    list(&PathBuf::from("/usr/share/postgrey").join(name))
}

/// The network of a rule that is an address or a network, such as 192.0.2.
fn network(rule: &str) -> Option<IpNet> {
    let address = || rule.parse::<IpAddr>().ok().map(IpNet::from);
    let is_short = rule.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let short = || is_short.then(|| format!("{rule}.0/24").parse().ok()).flatten();
    rule.parse().ok().or_else(address).or_else(short)
}

/// The lines of one list that the other does not cover.
fn missing(rules: &[String], other: &Clients, patterns: &BTreeSet<&String>) -> Vec<String> {
    let by_name = |name: &str| other.by_name(name.as_bytes(), &mut Budget::default()).is_some();
    let by_address = |address: IpAddr| other.by_address(address).is_some();
    let is_covered = |rule: &&String| match network(rule) {
        Some(network) => by_address(network.network()) && by_address(network.broadcast()),
        None if rule.starts_with('/') => patterns.contains(rule),
        None => by_name(rule) && by_name(&format!("mx.{rule}")),
    };
    rules.iter().filter(|rule| !is_covered(rule)).cloned().collect()
}

#[test]
fn the_same_clients_pass_by_our_list_and_theirs() {
    let texts = [theirs("whitelist_clients"), both_of_ours()];
    let [their_rules, our_rules] = [rules(&texts[0]), rules(&texts[1])];
    assert!(their_rules.len() > 100, "their list was not read");
    let mut warnings = Vec::new();
    let [theirs, ours] = texts.map(|text| Clients::parse([text], &mut warnings));
    assert_eq!(warnings, []);
    assert_eq!(missing(&their_rules, &ours, &our_rules.iter().collect()), [""; 0], "not ours");
    assert_eq!(missing(&our_rules, &theirs, &their_rules.iter().collect()), [""; 0], "not theirs");
}

#[test]
fn the_same_recipients_pass_by_our_list_and_theirs() {
    let texts = [theirs("whitelist_recipients"), ours("whitelist_recipients")];
    let rules = texts.each_ref().map(rules);
    assert!(rules[0].len() > 1, "their list was not read");
    let mut warnings = Vec::new();
    let lists = texts.map(|text| Addresses::parse([text], &mut warnings));
    assert_eq!(warnings, []);
    for (rules, other) in [(&rules[0], &lists[1]), (&rules[1], &lists[0])] {
        for rule in rules {
            let user = rule.strip_suffix('@').expect("a user of any domain");
            let address = format!("{user}@example.org");
            assert!(other.find(address.as_bytes(), &mut Budget::default()).is_some(), "{rule}");
        }
    }
}
