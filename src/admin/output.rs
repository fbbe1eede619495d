//! The output of a command.

use crate::cli::admin::OutputFormat;
use std::io::{self, Write};

/// Where a command prints, and in which format.
pub struct Output<'o> {
    pub format: OutputFormat,
    pub to: &'o mut dyn Write,
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
