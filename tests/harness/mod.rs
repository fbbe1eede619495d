//! Starts a policy server in a directory of its own and talks to it.
//!
//! The same harness drives our daemon and the original, so that one body of
//! cases serves both. Time moves by `policy_test_time`; nothing sleeps for it.
//! The test times are near the real clock, because both programs' clean-up
//! goes by the real clock.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test program uses its own part"
)]

mod client;
mod daemon;
mod scratch;

pub use client::{Attempt, Client};
pub use daemon::{Builder, Daemon, Stopped};
pub use scratch::Scratch;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Which of the two programs stands under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Program {
    /// This project's binary, as cargo built it for the test.
    Ours,
    /// Debian's `postgrey`, the Perl program.
    Theirs,
}

impl Program {
    /// The executable.
    pub fn path(self) -> PathBuf {
        match self {
            Program::Ours => PathBuf::from(env!("CARGO_BIN_EXE_postgrey")),
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

/// The moment that a test program calls zero, in seconds since the epoch; the
/// same for all tests of one process.
pub fn start_of_time() -> i64 {
    static START: OnceLock<i64> = OnceLock::new();
    *START.get_or_init(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        i64::try_from(now.expect("a clock after 1970").as_secs()).expect("a clock before 2262")
    })
}
