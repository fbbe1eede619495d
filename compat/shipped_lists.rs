//! The lists that this project ships, compared with those of the original.

use postgrey::lists::{Addresses, Budget, Clients, Text};
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv6Addr};
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

/// The first and the last address of a rule that is an address or a network.
fn ends(rule: &str) -> Option<[IpAddr; 2]> {
    let (address, length) = rule.split_once('/').unwrap_or((rule, ""));
    let dots = address.matches('.').count();
    let is_number = address.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let (address, short) = match dots {
        2 if is_number => (format!("{address}.0"), 24),
        _ => (address.to_string(), if address.contains(':') { 128 } else { 32 }),
    };
    let address: IpAddr = address.parse().ok()?;
    let length: u32 = if length.is_empty() { short } else { length.parse().expect("a length") };
    let last = match address {
        IpAddr::V4(first) => {
            let rest = u32::MAX.checked_shr(length).unwrap_or(0);
            IpAddr::from((u32::from(first) | rest).to_be_bytes())
        }
        IpAddr::V6(first) => IpAddr::from(Ipv6Addr::from(
            u128::from(first) | u128::MAX.checked_shr(length).unwrap_or(0),
        )),
    };
    Some([address, last])
}

/// The lines of one list that the other does not cover.
fn missing(rules: &[String], other: &Clients, patterns: &BTreeSet<&String>) -> Vec<String> {
    let by_name = |name: &str| other.by_name(name.as_bytes(), &mut Budget::default()).is_some();
    let is_covered = |rule: &&String| match ends(rule) {
        Some(ends) => ends.iter().all(|address| other.by_address(*address).is_some()),
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
