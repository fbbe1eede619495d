//! The log: one line an event, to standard error.

use std::io::Write;

/// How much an event matters, as syslog counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A request that could not be understood, or a failure inside.
    Error,
    /// Something that an administrator should hear about.
    Warning,
    /// Normal life: starts, stops, decisions.
    Notice,
    /// Connections.
    Info,
}

/// How much of it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// Errors and warnings (`--quiet`, which wins over `--verbose`).
    Quiet,
    /// Normal life as well.
    Normal,
    /// All (`--verbose`).
    Verbose,
}

/// The log of this process. Lines gather until [`Log::flush`], so that a busy
/// turn of the loop costs one write.
#[derive(Debug)]
pub struct Log {
    least: Severity,
    gathered: Vec<u8>,
}

impl Log {
    /// A log on standard error.
    pub fn to_stderr(verbosity: Verbosity) -> Log {
        let least = match verbosity {
            Verbosity::Quiet => Severity::Warning,
            Verbosity::Normal => Severity::Notice,
            Verbosity::Verbose => Severity::Info,
        };
        Log {
            least,
            gathered: Vec::new(),
        }
    }

    /// Whether events of this severity are written at all.
    pub fn takes(&self, severity: Severity) -> bool {
        severity <= self.least
    }

    /// Writes one line. Bytes that are not printable are shown as `%XX`, as in
    /// the original (BEHAVIOUR C1), so that no client can forge a line.
    pub fn line(&mut self, severity: Severity, text: impl AsRef<[u8]>) {
        if !self.takes(severity) {
            return;
        }
        for byte in text.as_ref() {
            if matches!(byte, b' '..=b'~') {
                self.gathered.push(*byte);
            } else {
                let _ = write!(self.gathered, "%{byte:02X}");
            }
        }
        self.gathered.push(b'\n');
    }

    /// Hands over the gathered lines. What cannot be written is lost: there is
    /// nobody left to tell.
    pub fn flush(&mut self) {
        if !self.gathered.is_empty() {
            let _ = std::io::stderr().write_all(&self.gathered);
            self.gathered.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unprintable_bytes_cannot_forge_a_line() {
        let mut log = Log::to_stderr(Verbosity::Normal);
        log.line(Severity::Notice, "sender=\r\nx\u{1b}[2J\té 100%\0");
        assert_eq!(log.gathered, b"sender=%0D%0Ax%1B[2J%09%C3%A9 100%%00\n");
    }

    #[test]
    fn verbosity_chooses_what_is_written() {
        let table = [
            (Verbosity::Quiet, [true, true, false, false]),
            (Verbosity::Normal, [true, true, true, false]),
            (Verbosity::Verbose, [true, true, true, true]),
        ];
        let severities = [
            Severity::Error,
            Severity::Warning,
            Severity::Notice,
            Severity::Info,
        ];
        for (verbosity, written) in table {
            let log = Log::to_stderr(verbosity);
            assert_eq!(severities.map(|severity| log.takes(severity)), written);
        }
    }
}
