//! The Debian package in systems that `debian/tests/run` makes: a minimal Debian with a
//! real Postfix, where it replaces the original.
//!
//! The first run needs minutes and a network to make that Debian. If this fails, the
//! tests are skipped and reported.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use testkit::skip;

/// The exit status of `debian/tests/run` if it cannot make the system.
const SKIPPED: i32 = 77;

/// The output of all tests, which use one system and one package: these take the time.
static OUTPUT: LazyLock<Option<String>> =
    LazyLock::new(|| run(&["upgrade-and-back", "killed", "systemd", "exim", "files"]));

/// The directory in which cargo has built what a package is made of.
pub fn built() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_postgrey"));
    let directory = program.parent().expect("cargo's directory").to_path_buf();
    // A whole run of the tests has built it; one of this file alone has not.
    let examples = ["completions", "licences"];
    if examples.iter().any(|example| !directory.join("examples").join(example).exists()) {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked"]);
        cargo.args(examples.map(|example| format!("--example={example}")));
        if directory.ends_with("release") {
            cargo.arg("--release");
        }
        let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status();
        assert!(status.expect("cargo").success(), "cargo builds the examples");
    }
    directory
}

/// Runs tests of the package and returns their output, or nothing if they are not
/// possible here.
fn run(tests: &[&str]) -> Option<String> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("debian/tests/run");
    let mut run = Command::new(program);
    run.arg(format!("--built={}", built().display()))
        .arg(format!("--cache={}/debian", env!("CARGO_TARGET_TMPDIR")))
        .args(tests)
        .stdin(Stdio::null());
    let output = run.output().expect("debian/tests/run");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if output.status.code() == Some(SKIPPED) {
        skip(&text);
        return None;
    }
    Some(text)
}

fn assert_passed(test: &str) {
    let Some(output) = OUTPUT.as_ref() else { return };
    let start = format!("test {test} ... ");
    let result = output.lines().find_map(|line| line.strip_prefix(&start));
    match result {
        Some(result) if result.starts_with("ok") => {}
        Some(result) if result.starts_with("SKIPPED") => skip(&format!("{test}: {result}")),
        _ => panic!("{output}"),
    }
}

#[test]
fn a_mail_deferred_before_an_upgrade_or_the_way_back_passes_after_it() {
    assert_passed("upgrade-and-back");
}

#[test]
fn an_upgrade_from_an_original_that_was_killed_loses_no_entry() {
    assert_passed("killed");
}

#[test]
fn systemd_runs_it_with_the_drop_ins_and_options_that_the_original_had() {
    assert_passed("systemd");
}

#[test]
fn exim_asks_it_by_the_recipe_of_the_package() {
    assert_passed("exim");
}

#[test]
fn the_package_installs_its_files_and_a_purge_removes_them() {
    assert_passed("files");
}

/// apt installs the first alternative if no mail server is there, and no other next to
/// one: all of Debian's provide mail-transport-agent.
#[test]
fn the_package_brings_postfix_only_to_a_machine_without_a_mail_server() {
    let control = include_str!("../../debian/control");
    let (_, package) = control.split_once("\nPackage: postgrey\n").expect("the binary package");
    let recommends = package.lines().find_map(|line| line.strip_prefix("Recommends: "));
    assert_eq!(recommends, Some("postfix | default-mta | mail-transport-agent"));
    assert!(!package.contains("\nConflicts:") && !package.contains("\nBreaks:"), "{package}");
}
