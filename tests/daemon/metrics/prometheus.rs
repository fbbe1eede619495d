//! The files for Prometheus and Grafana: the rules and the dashboard use existing
//! metrics, and Prometheus accepts rules and page.

use super::Site;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::skip;
use testkit::tool::{Finished, run_with};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("debian/monitoring")
}

#[test]
fn rules_and_dashboard_use_existing_metrics() {
    // Also with a shared state that is not there.
    let shared = Site::start(&["--shared-state=redis://127.0.0.1:1"]).page();
    let page = Site::start(&[]).page() + &shared;
    let mut known: BTreeSet<String> = BTreeSet::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        known.insert(line.split(['{', ' ']).next().expect("a name").to_owned());
    }
    // It is there once the clean-up has been at all rows.
    known.insert("postgrey_triplets".to_owned());
    for file in ["prometheus-alerts.yml", "grafana-dashboard.json"] {
        let text = fs::read_to_string(examples().join(file)).expect("an example");
        let names = text.match_indices("postgrey_").map(|(at, _)| {
            let rest = &text[at..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            &rest[..end.unwrap_or(rest.len())]
        });
        let names: BTreeSet<_> = names.collect();
        assert!(names.len() > 5, "{file}: {names:?}");
        for name in names {
            assert!(known.contains(name), "{file} asks for {name}");
        }
    }
    let dashboard = fs::read(examples().join("grafana-dashboard.json")).expect("an example");
    let dashboard: serde_json::Value = serde_json::from_slice(&dashboard).expect("JSON");
    assert!(dashboard["panels"].as_array().expect("panels").len() > 5);
}

/// Runs promtool of the package prometheus in the directory of the examples.
/// Reports what is skipped without it.
fn promtool(words: &[&str], input: &str) -> Option<Finished> {
    let program = Path::new("/usr/bin/promtool");
    if !program.exists() {
        skip("the rules for Prometheus: promtool is missing (apt-get install prometheus)");
        return None;
    }
    Some(run_with(Command::new(program).args(words).current_dir(examples()), input))
}

#[test]
fn prometheus_accepts_the_page() {
    let site = Site::start(&[]);
    let page = site.page();
    if let Some(finished) = promtool(&["check", "metrics"], &page) {
        assert_eq!(finished.success(), "");
        let invalid = promtool(&["check", "metrics"], "no page\n").expect("promtool");
        assert_ne!(invalid.status, Some(0), "it accepts anything");
    }
}

#[test]
fn prometheus_accepts_the_rules_and_they_fire() {
    for words in [
        ["check", "rules", "prometheus-alerts.yml"],
        ["test", "rules", "prometheus-alerts-test.yml"],
    ] {
        if let Some(finished) = promtool(&words, "") {
            assert_eq!(finished.status, Some(0), "{finished:?}");
        }
    }
}
