//! The systemd unit that the package ships.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use testkit::{Program, Scratch, skip};

fn unit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("debian/postgrey.service")
}

/// The unit as systemd takes it with the drop-in that the package has among its
/// examples.
fn unit_that_never_is_root() -> String {
    let drop_in = unit().with_file_name("never-root.conf");
    [unit(), drop_in].map(|file| fs::read_to_string(file).expect("a unit")).join("\n")
}

/// Runs `systemd-analyze`; nothing where it is not installed.
fn systemd_analyze(arguments: &[&str], unit: &Path) -> Option<Output> {
    let program = Path::new("/usr/bin/systemd-analyze");
    if !program.exists() {
        skip("the systemd unit: systemd-analyze is missing (apt-get install systemd)");
        return None;
    }
    let output = Command::new(program).args(arguments).arg(unit).output().expect("systemd-analyze");
    Some(output)
}

#[test]
fn all_directives_are_understood() {
    // The program need not be installed for that.
    let program = Program::Ours.path().display().to_string();
    for text in [fs::read_to_string(unit()).expect("the unit"), unit_that_never_is_root()] {
        let scratch = Scratch::new();
        let path = scratch.file("postgrey.service", text.replace("/usr/sbin/postgrey", &program));
        let Some(output) = systemd_analyze(&["verify", "--man=no"], &path) else { return };
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(!complaints.contains("postgrey.service"), "{complaints}");
    }
}

/// Asserts that `systemd-analyze` finds no more exposure, in tenths.
fn assert_exposed_at_most(tenths: u32, unit: &Path) {
    let threshold = format!("--threshold={tenths}");
    let arguments = ["security", "--offline=true", &threshold, "--no-pager"];
    let Some(output) = systemd_analyze(&arguments, unit) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The unit leaves only the rights that any user, directory and port in
/// `/etc/default/postgrey` may need.
#[test]
fn the_unit_is_hardened() {
    assert_exposed_at_most(28, &unit());
}

#[test]
fn the_drop_in_hardens_the_unit_further() {
    let scratch = Scratch::new();
    let path = scratch.file("postgrey.service", unit_that_never_is_root());
    assert_exposed_at_most(15, &path);
}

#[test]
fn the_unit_keeps_the_settings_of_the_original_package() {
    let text = fs::read_to_string(unit()).expect("the unit");
    for line in [
        "EnvironmentFile=-/etc/default/postgrey\n",
        "ExecStart=/usr/sbin/postgrey \\\n $POSTGREY_OPTS \\\n --greylist-text=\"${POSTGREY_TEXT}\"\n",
        "Type=notify\n",
        // Log readers look for the daemon's lines in mail.log.
        "SyslogFacility=mail\n",
        "ExecReload=+/bin/sh -c \"kill -HUP $MAINPID\"\n",
    ] {
        assert!(text.contains(line), "{line}");
    }
}
