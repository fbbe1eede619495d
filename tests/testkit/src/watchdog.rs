//! A limit for waits without one, such as for the exit of a program under test.
//!
//! While tests are at work (a [`Scratch`](crate::Scratch) exists) something has to
//! happen: a directory is made or removed, a reply arrives. Otherwise the test
//! program is aborted. The test runner has named the tests that run for over a
//! minute by then.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Once, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(600);

static AT_WORK: AtomicUsize = AtomicUsize::new(0);

/// The moment of the last sign of life, in milliseconds after the first.
static LAST_SIGN: AtomicU64 = AtomicU64::new(0);

/// Counts a test as at work, until [`end`].
pub(crate) fn begin() {
    static WATCH: Once = Once::new();
    sign();
    AT_WORK.fetch_add(1, Ordering::Relaxed);
    WATCH.call_once(|| drop(thread::spawn(watch)));
}

pub(crate) fn end() {
    sign();
    AT_WORK.fetch_sub(1, Ordering::Relaxed);
}

pub(crate) fn sign() {
    LAST_SIGN.store(now(), Ordering::Relaxed);
}

fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_millis()).expect("fewer milliseconds than an age")
}

fn watch() {
    loop {
        thread::sleep(Duration::from_secs(1));
        let silence =
            Duration::from_millis(now().saturating_sub(LAST_SIGN.load(Ordering::Relaxed)));
        if AT_WORK.load(Ordering::Relaxed) > 0 && silence > TIMEOUT {
            let _ = writeln!(io::stderr(), "no test did anything for {TIMEOUT:?}: aborted");
            std::process::abort();
        }
    }
}
