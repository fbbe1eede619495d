//! Tests that cannot run here, and how they are reported.
//!
//! Without root, a network or Debian's packages the rest of the tests still
//! runs. `compat/check` sets `POSTGREY_TESTS=all`: then a test that lacks root
//! or a package fails.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

/// Reports what is not tested here, once for each reason of a test program. The
/// line is written past the test runner, which hides the output of tests that
/// pass.
pub fn skip(reason: &str) {
    static REPORTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut reported = REPORTED.lock().expect("no panic while the lock is held");
    if reported.insert(reason.to_string()) {
        let _ = writeln!(io::stderr(), "SKIPPED, not tested: {reason}");
    }
}

/// Returns true if root runs the tests. Otherwise reports what is skipped.
pub fn root_for(what: &str) -> bool {
    has(nix::unistd::geteuid().is_root(), &format!("{what}: run compat/check as root"))
}

/// Returns true if a program is installed. Otherwise reports what is skipped.
pub fn program_for(what: &str, program: &str, package: &str) -> bool {
    has(
        Path::new(program).exists(),
        &format!("{what}: {program} is missing (apt-get install {package})"),
    )
}

fn has(it: bool, reason: &str) -> bool {
    if !it {
        let all = std::env::var("POSTGREY_TESTS").is_ok_and(|tests| tests == "all");
        assert!(!all, "{reason}");
        skip(reason);
    }
    it
}
