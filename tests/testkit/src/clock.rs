//! The clocks of a server under test, which the test sets.

use super::{Builder, start_of_time};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// The time of day of one server and the clock by which it measures intervals.
/// Both stand still between calls, and neither wakes a server that sleeps.
#[derive(Debug)]
pub struct Clock {
    path: PathBuf,
    ahead: Duration,
    /// Seconds by which the time of day is off.
    jump: i64,
}

impl Clock {
    /// Makes a server use these clocks, at the start of time.
    pub fn of(builder: Builder) -> (Builder, Clock) {
        let path = builder.scratch().subdirectory("clock").join("clock");
        let clock = Clock { path, ahead: Duration::ZERO, jump: 0 };
        clock.set();
        let variable = clock.path.to_str().expect("UTF-8").to_string();
        (builder.preload("tests/testkit/clock.c").env("CLOCK", &variable), clock)
    }

    pub fn advance(&mut self, time: Duration) {
        self.ahead += time;
        self.set();
    }

    pub fn jump(&mut self, seconds: i64) {
        self.jump += seconds;
        self.set();
    }

    /// The time of day, in seconds after the start of time.
    pub fn seconds(&self) -> i64 {
        self.elapsed() + self.jump
    }

    fn elapsed(&self) -> i64 {
        self.ahead.as_secs().try_into().expect("a number of seconds")
    }

    fn set(&self) {
        let time_of_day = start_of_time() + self.seconds();
        // In one step: the server reads the file at any moment.
        let draft = self.path.with_extension("draft");
        fs::write(&draft, format!("{time_of_day} {}", self.elapsed())).expect("a file");
        fs::rename(draft, &self.path).expect("a file's name");
    }
}
