//! The log: one line an event, to standard error or to syslog.
//!
//! Under systemd standard error leads to the journal, which keeps the time and,
//! if a line says it, the severity.
//!
//! Logging never waits. Lines gather in memory and are handed over when their
//! reader takes them; when too many gather, the newest are lost and counted.

use super::clock;
use super::stderr::Stderr;
use super::syslog::Syslog;
use std::io::Write;

/// How much an event matters, as syslog counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The end of the daemon.
    Critical,
    /// A request that could not be understood, or a failure inside.
    Error,
    /// What the original says by Perl's `warn`: syslog shows it with
    /// `WARNING: ` in front (BEHAVIOUR C4).
    Complaint,
    /// Something that an administrator should hear about.
    Warning,
    /// Normal life: starts, stops, decisions.
    Notice,
    /// Connections.
    Info,
}

impl Severity {
    /// Its number in syslog.
    fn priority(self) -> u8 {
        match self {
            Severity::Critical => 2,
            Severity::Error => 3,
            Severity::Complaint | Severity::Warning => 4,
            Severity::Notice => 5,
            Severity::Info => 6,
        }
    }
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
    sink: Sink,
    lost: u64,
    /// The same since the start, those of which the log has told included.
    lost_ever: u64,
}

#[derive(Debug)]
enum Sink {
    Stderr(Stderr),
    Syslog(Box<Syslog>),
}

impl Log {
    /// A log on standard error.
    pub fn to_stderr(verbosity: Verbosity) -> Log {
        Log::new(verbosity, Sink::Stderr(Stderr::new()))
    }

    /// A log on the system's `/dev/log`, under a facility's number.
    pub fn to_syslog(verbosity: Verbosity, facility: u8) -> Log {
        Log::new(verbosity, Sink::Syslog(Box::new(Syslog::new(facility))))
    }

    fn new(verbosity: Verbosity, sink: Sink) -> Log {
        let least = match verbosity {
            Verbosity::Quiet => Severity::Warning,
            Verbosity::Normal => Severity::Notice,
            Verbosity::Verbose => Severity::Info,
        };
        Log { least, sink, lost: 0, lost_ever: 0 }
    }

    /// Whether events of this severity are written at all.
    pub fn takes(&self, severity: Severity) -> bool {
        severity <= self.least
    }

    /// Writes one line. What could forge a line or command a terminal is shown
    /// as `%XX`; on standard error all that is not ASCII as well, as in the
    /// original (BEHAVIOUR C1).
    pub fn line(&mut self, severity: Severity, text: impl AsRef<[u8]>) {
        if !self.takes(severity) {
            return;
        }
        if self.is_full() {
            self.lose(1);
            return;
        }
        self.push(severity, text.as_ref());
    }

    /// Writes one line that has the time in front (BEHAVIOUR C1), unless its
    /// reader notes the time in a better way.
    pub fn line_with_time(&mut self, severity: Severity, text: &str) {
        match &self.sink {
            Sink::Stderr(stderr) if stderr.is_journal => self.line(severity, text),
            _ => self.line(severity, format!("{} {text}", clock::log_stamp())),
        }
    }

    fn push(&mut self, severity: Severity, text: &[u8]) {
        match &mut self.sink {
            Sink::Stderr(stderr) => {
                let mut line = Vec::with_capacity(text.len() + 4);
                if stderr.is_journal {
                    let _ = write!(line, "<{}>", severity.priority());
                }
                escape(&mut line, text, |byte| matches!(byte, b' '..=b'~'));
                line.push(b'\n');
                stderr.lines.push(line);
            }
            Sink::Syslog(syslog) => {
                let mut line = Vec::with_capacity(text.len());
                escape_controls(&mut line, text);
                syslog.push(severity, &line);
            }
        }
    }

    /// Hands over as many of the gathered lines as their reader takes now.
    pub fn flush(&mut self) {
        self.hand_over();
        if self.lost > 0 && self.is_empty() {
            let line = format!("{} log lines were lost: nothing took them", self.lost);
            self.lost = 0;
            self.push(Severity::Warning, line.as_bytes());
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        match &mut self.sink {
            Sink::Stderr(stderr) => stderr.send(),
            Sink::Syslog(syslog) => {
                let lost = syslog.send();
                self.lose(lost);
            }
        }
    }

    fn lose(&mut self, lines: u64) {
        self.lost += lines;
        self.lost_ever += lines;
    }

    /// Lines that nobody took, since the start.
    pub fn lost_ever(&self) -> u64 {
        self.lost_ever
    }

    /// Whether lines wait for their reader, so that [`Log::flush`] should be
    /// tried again soon.
    pub fn is_waiting(&self) -> bool {
        !self.is_empty() || self.lost > 0
    }

    fn is_full(&self) -> bool {
        match &self.sink {
            Sink::Stderr(stderr) => stderr.lines.is_full(),
            Sink::Syslog(syslog) => syslog.queue().is_full(),
        }
    }

    fn is_empty(&self) -> bool {
        match &self.sink {
            Sink::Stderr(stderr) => stderr.is_empty(),
            Sink::Syslog(syslog) => syslog.queue().is_empty(),
        }
    }
}

/// Escapes the control characters of UTF-8 and, where text is not UTF-8, those
/// of Latin-1: a terminal may obey either.
fn escape_controls(line: &mut Vec<u8>, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            let is_plain = !letter.is_control();
            escape(line, letter.encode_utf8(&mut [0; 4]).as_bytes(), |_| is_plain);
        }
        escape(line, chunk.invalid(), |byte| !matches!(byte, 0x80..=0x9f));
    }
}

fn escape(line: &mut Vec<u8>, text: &[u8], is_plain: impl Fn(u8) -> bool) {
    for byte in text {
        if is_plain(*byte) {
            line.push(*byte);
        } else {
            let _ = write!(line, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::log_queue::MOST_LINES;

    fn lines(log: &mut Log) -> Vec<String> {
        let Sink::Stderr(stderr) = &mut log.sink else { panic!("not on standard error") };
        let lines = std::iter::from_fn(|| stderr.lines.pop());
        lines.map(|line| line.escape_ascii().to_string()).collect()
    }

    fn to_syslog(text: &[u8]) -> String {
        let mut line = Vec::new();
        escape_controls(&mut line, text);
        line.escape_ascii().to_string()
    }

    #[test]
    fn unprintable_bytes_cannot_forge_a_line() {
        let mut log = Log::to_stderr(Verbosity::Normal);
        log.line(Severity::Notice, "sender=\r\nx\u{1b}[2J\té 100%\0");
        assert_eq!(lines(&mut log), ["sender=%0D%0Ax%1B[2J%09%C3%A9 100%%00\\n"]);
    }

    #[test]
    fn control_characters_of_any_encoding_stay_out_of_syslog() {
        assert_eq!(
            to_syslog("é\r\n\t\u{1b}\u{7f}€".as_bytes()),
            r"\xc3\xa9%0D%0A%09%1B%7F\xe2\x82\xac"
        );
        assert_eq!(to_syslog("a\u{9b}2J".as_bytes()), "a%C2%9B2J");
        assert_eq!(to_syslog(b"a\x9b2J\xe9"), r"a%9B2J\xe9");
    }

    #[test]
    fn verbosity_chooses_what_is_written() {
        let table = [
            (Verbosity::Quiet, [true, true, true, true, false, false]),
            (Verbosity::Normal, [true, true, true, true, true, false]),
            (Verbosity::Verbose, [true, true, true, true, true, true]),
        ];
        let severities = [
            Severity::Critical,
            Severity::Error,
            Severity::Complaint,
            Severity::Warning,
            Severity::Notice,
            Severity::Info,
        ];
        for (verbosity, written) in table {
            let log = Log::to_stderr(verbosity);
            assert_eq!(severities.map(|severity| log.takes(severity)), written);
        }
    }

    #[test]
    fn what_nobody_takes_is_counted_not_kept() {
        let mut log = Log::to_stderr(Verbosity::Normal);
        for _ in 0..MOST_LINES + 7 {
            log.line(Severity::Notice, "x");
        }
        assert_eq!((log.lost, log.lost_ever()), (7, 7));
        assert!(log.is_waiting());
        assert_eq!(lines(&mut log).len(), MOST_LINES);
    }
}
