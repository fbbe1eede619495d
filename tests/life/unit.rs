//! The systemd unit that the package ships.

#![allow(clippy::print_stderr, reason = "what was skipped or measured is for the reader")]

use crate::harness::{Program, Scratch};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn unit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("debian/postgrey.service")
}

/// Runs `systemd-analyze`; nothing where it is not installed.
fn systemd_analyze(arguments: &[&str], unit: &Path) -> Option<Output> {
    let program = Path::new("/usr/bin/systemd-analyze");
    if !program.exists() {
        eprintln!("SKIPPED: {} is missing: apt-get install systemd", program.display());
        return None;
    }
    let output = Command::new(program).args(arguments).arg(unit).output().expect("systemd-analyze");
    Some(output)
}

#[test]
fn all_its_directives_are_understood() {
    // The program need not be installed for that.
    let text = fs::read_to_string(unit()).expect("the unit");
    let program = Program::Ours.path().display().to_string();
    let scratch = Scratch::new();
    let path = scratch.file("postgrey.service", text.replace("/usr/sbin/postgrey", &program));
    let Some(output) = systemd_analyze(&["verify", "--man=no"], &path) else { return };
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(!complaints.contains("postgrey.service"), "{complaints}");
}

#[test]
fn it_is_as_hardened_as_the_job_allows() {
    let arguments = ["security", "--offline=true", "--threshold=15", "--no-pager"];
    let Some(output) = systemd_analyze(&arguments, &unit()) else { return };
    let text = String::from_utf8_lossy(&output.stdout);
    eprintln!("measured | {}", text.lines().last().unwrap_or_default());
    assert!(output.status.success(), "{text}");
}

/// What administrators rely on in Debian's own unit.
#[test]
fn options_and_texts_come_from_where_they_always_came() {
    let text = fs::read_to_string(unit()).expect("the unit");
    for line in [
        "EnvironmentFile=-/etc/default/postgrey\n",
        "ExecStart=/usr/sbin/postgrey \\\n $POSTGREY_OPTS \\\n --greylist-text=\"${POSTGREY_TEXT}\"\n",
        "Type=notify\n",
        "ExecReload=/bin/kill -HUP $MAINPID\n",
    ] {
        assert!(text.contains(line), "{line}");
    }
}
