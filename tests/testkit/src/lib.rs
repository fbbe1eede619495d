//! Shared by tests and benchmarks: a policy server in a temporary directory, its
//! clients, its clock, and random inputs.
//!
//! The same kit drives our daemon and the original, so that one set of cases
//! serves both. Time moves by `policy_test_time`; nothing sleeps for it. The test
//! times are near the real clock, because both programs delete old records by
//! the real clock.

mod binary;
mod client;
mod clock;
mod daemon;
pub mod http;
pub mod milter;
pub mod mutation;
pub mod namespace;
pub mod opensmtpd;
mod port;
mod preload;
pub mod private_dev;
pub mod process;
pub mod random;
pub mod redis;
mod scratch;
mod skip;
pub mod tool;
mod watchdog;

pub use client::{Attempt, Client};
pub use clock::Clock;
pub use daemon::{Builder, Daemon, Listener, PERL_WARNING, Stopped};
pub use port::free_port;
pub use scratch::Scratch;
pub use skip::{program_for, root_for, skip};

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Program {
    /// This project's binary, as cargo built it for the test.
    Ours,
    /// Debian's `postgrey`, the Perl program.
    Theirs,
}

impl Program {
    /// The program that the environment variable `POSTGREY_UNDER_TEST` names,
    /// `ours` or `theirs`; ours when it is not set.
    pub fn under_test() -> Program {
        match std::env::var("POSTGREY_UNDER_TEST").as_deref() {
            Ok("ours") | Err(std::env::VarError::NotPresent) => Program::Ours,
            Ok("theirs") => Program::Theirs,
            other => panic!("POSTGREY_UNDER_TEST is {other:?}: give \"ours\" or \"theirs\""),
        }
    }

    /// How it signs the header of a delayed message: its name and version.
    pub fn signature(self) -> &'static str {
        match self {
            Program::Ours => concat!("postgrey-", env!("CARGO_PKG_VERSION")),
            Program::Theirs => "postgrey-1.37",
        }
    }

    pub fn path(self) -> PathBuf {
        match self {
            Program::Ours => binary::ours(),
            Program::Theirs => {
                let original = Path::new("/usr/sbin/postgrey");
                assert!(
                    original.exists(),
                    "{} is missing: apt-get install postgrey",
                    original.display()
                );
                original.to_path_buf()
            }
        }
    }
}

pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A file of the proxy's own tests: `certificate.pem` of `mx.test`, its key
/// `key.pem`, or `ca.pem`, the authority that issued it.
pub fn pem(name: &str) -> PathBuf {
    repository().join("src/server/relay/tests").join(name)
}

/// Fails with what to install when a program that the tests need is missing.
pub fn require(program: &str, package: &str) {
    assert!(Path::new(program).exists(), "{program} is missing: apt-get install {package}");
}

/// The moment that a test program calls zero, in seconds since the epoch; the
/// same for all tests of one process.
pub fn start_of_time() -> i64 {
    static START: OnceLock<i64> = OnceLock::new();
    *START.get_or_init(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        i64::try_from(now.expect("a clock after 1970").as_secs()).expect("a clock before 2262")
    })
}

/// The time limit of [`wait_for`] and [`wait_until`].
const TIMEOUT: Duration = Duration::from_secs(60);

/// Returns what `look` finds, and asks it again until then.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {TIMEOUT:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Asserts that a text contains all of these parts.
#[track_caller]
pub fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "not in it: {part}\n{text}");
    }
}

/// Waits until something is true.
#[track_caller]
pub fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    wait_for(what, || is_true().then_some(()));
}

/// Returns from a test if a requirement is not met, such as [`root_for`] or
/// [`program_for`], which report what is skipped.
#[macro_export]
macro_rules! needs {
    ($requirement:expr) => {
        if !$requirement {
            return;
        }
    };
}
