//! A small library in front of the C library, inside the server under test.

use crate::{Builder, repository, require};
use std::process::Command;

impl Builder {
    /// Compiles a C file of this package and has the server load it first.
    pub fn preload(self, source: &str) -> Builder {
        require("/usr/bin/cc", "gcc");
        let library = self.scratch().path().join("preload.so");
        let source = repository().join(source);
        let mut compiler = Command::new("/usr/bin/cc");
        compiler.args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"]).arg(&library).arg(source);
        assert!(compiler.status().expect("cc").success(), "{compiler:?}");
        self.env("LD_PRELOAD", library.to_str().expect("UTF-8"))
    }
}
