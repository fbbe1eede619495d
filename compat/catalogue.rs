//! Holds `BEHAVIOUR.md` to the cases, and `DIFFERENCES.md` to `BEHAVIOUR.md`.

use regex::Regex;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

const CATALOGUE: &str = include_str!("BEHAVIOUR.md");

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// `X7`.
    pub id: String,
    pub title: String,
}

/// The list of deliberate differences: the headings `### X7. Title`.
pub fn differences() -> &'static [Difference] {
    static LIST: LazyLock<Vec<Difference>> =
        LazyLock::new(|| titles(r"(?m)^### (X[0-9]+)\. (.+)$", CATALOGUE));
    &LIST
}

fn titles(pattern: &str, text: &str) -> Vec<Difference> {
    let pattern = Regex::new(pattern).expect("a pattern");
    let found = pattern.captures_iter(text);
    found
        .map(|captures| Difference { id: captures[1].to_string(), title: captures[2].to_string() })
        .collect()
}

/// The source of all cases: the name of each file without `.rs`, and its text.
fn sources() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat");
    let entries = fs::read_dir(folder).expect("the folder of this file");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let sources = paths.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    sources
        .map(|path| {
            let name = path.file_stem().expect("a file's name").to_string_lossy();
            let text = fs::read_to_string(&path).expect("a source file");
            (name.into_owned(), text)
        })
        .collect()
}

fn all_matches(pattern: &str, text: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).expect("a pattern");
    let found = pattern.captures_iter(text);
    found.map(|captures| captures[1].to_string()).collect()
}

/// Names of the cases, as `file::case`.
fn cases() -> BTreeSet<String> {
    let tests = r"#\[test\]\s+(?:#\[[^\]]*\]\s+)*fn ([a-z0-9_]+)\(";
    let named = sources().into_iter().flat_map(|(file, text)| {
        let names = all_matches(tests, &text).into_iter();
        names.map(move |name| format!("{file}::{name}"))
    });
    named.filter(|name| !name.starts_with("catalogue::")).collect()
}

#[test]
fn every_case_stands_in_the_catalogue_and_every_proof_is_a_case() {
    let proofs = all_matches(r"`([a-z_]+::[a-z0-9_]+)`", CATALOGUE);
    let cases = cases();
    let unlisted: Vec<_> = cases.difference(&proofs).collect();
    let invented: Vec<_> = proofs.difference(&cases).collect();
    assert!(unlisted.is_empty(), "not in BEHAVIOUR.md: {unlisted:#?}");
    assert!(invented.is_empty(), "no such case: {invented:#?}");
}

#[test]
fn every_fact_names_its_proof() {
    let fact = Regex::new(r"^- \*\*[A-I][0-9]*\.[0-9]+\*\* ").expect("a pattern");
    let facts = CATALOGUE.lines().filter(|line| fact.is_match(line));
    let unproven: Vec<&str> = facts.filter(|line| !line.contains("::")).collect();
    assert!(unproven.is_empty(), "without a case: {unproven:#?}");
}

#[test]
fn every_difference_is_shown_by_a_case() {
    let sources = sources().into_iter();
    let marks: BTreeSet<String> =
        sources.flat_map(|(_, text)| all_matches(r#""(X[0-9]+)""#, &text)).collect();
    let listed: BTreeSet<String> =
        differences().iter().map(|difference| difference.id.clone()).collect();
    assert_eq!(listed.len(), differences().len(), "an id stands there twice");
    assert_eq!(marks, listed);
}

#[test]
fn both_lists_have_the_same_differences() {
    let listed = titles(r"(?m)^- (X[0-9]+)\. (.+?): .+$", include_str!("DIFFERENCES.md"));
    let [listed_once, known] =
        [&listed, differences()].map(|list| list.iter().cloned().collect::<BTreeSet<_>>());
    let only_in_one: Vec<_> = listed_once.symmetric_difference(&known).collect();
    assert!(only_in_one.is_empty(), "not the same in both files: {only_in_one:#?}");
    assert_eq!(listed.len(), differences().len(), "a number stands there twice");
}
