//! Faults that are switched on and off inside the server under test, by a small
//! library in front of the C library.

use std::fs;
use std::path::PathBuf;
use testkit::Builder;

#[derive(Debug)]
pub struct Faults {
    directory: PathBuf,
}

impl Faults {
    /// Prepares a server to have faults; none is switched on yet.
    pub fn of(builder: Builder) -> (Builder, Faults) {
        let directory = builder.scratch().subdirectory("faults");
        let builder = builder
            .preload("tests/daemon/faults/preload.c")
            .env("FAULTS", directory.to_str().expect("UTF-8"));
        (builder, Faults { directory })
    }

    /// Lets a fault of `preload.c` begin.
    pub fn begin(&self, fault: &str, number: i64) {
        // In one step: the server reads the file at any moment.
        let draft = self.directory.join("draft");
        fs::write(&draft, number.to_string()).expect("a fault's file");
        fs::rename(draft, self.directory.join(fault)).expect("a fault's name");
    }

    pub fn end(&self, fault: &str) {
        fs::remove_file(self.directory.join(fault)).expect("a fault that had begun");
    }
}
