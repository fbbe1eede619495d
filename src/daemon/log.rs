//! The log: one line per event, to standard error or to syslog.
//!
//! Under systemd, standard error leads to the journal, which adds the time and
//! reads the severity.
//!
//! Logging never blocks. Lines are queued in memory and written when their reader
//! accepts them; if too many are queued, the newest are dropped and counted.

use super::clock;
use super::log_queue::Queue;
use super::stderr::Stderr;
use super::syslog::Syslog;
use crate::json::Object;
use crate::printable::is_harmless;
use std::io::Write;

/// The severity of an event, in syslog's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Critical,
    /// A request that could not be understood, or a failure inside.
    Error,
    /// A `warn` of the original: syslog shows it with `WARNING: ` in front
    /// (BEHAVIOUR C4).
    Complaint,
    Warning,
    /// Normal life: starts, stops, decisions.
    Notice,
    Info,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Error => "error",
            Severity::Complaint | Severity::Warning => "warning",
            Severity::Notice => "notice",
            Severity::Info => "info",
        }
    }

    pub(super) fn priority(self) -> u8 {
        match self {
            Severity::Critical => 2,
            Severity::Error => 3,
            Severity::Complaint | Severity::Warning => 4,
            Severity::Notice => 5,
            Severity::Info => 6,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// Errors and warnings (`--quiet`, which wins over `--verbose`).
    Quiet,
    /// Normal life as well.
    Normal,
    /// All (`--verbose`).
    Verbose,
}

/// The format of the lines (`--log-format`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// As in the original.
    #[default]
    Classic,
    Json,
}

#[derive(Clone, Debug)]
pub enum Entry {
    /// Text; in JSON the field `message`, next to `severity`.
    Text(Vec<u8>),
    Fields(Object),
}

/// The log of this process. Lines gather until [`Log::flush`], so that a busy
/// turn of the loop costs one write.
#[derive(Debug)]
pub struct Log {
    least: Severity,
    format: Format,
    queue: Queue,
    sink: Sink,
    lost: u64,
    /// All since the start, including those already reported.
    lost_ever: u64,
}

#[derive(Debug)]
enum Sink {
    Stderr(Stderr),
    Syslog(Box<Syslog>),
}

impl Log {
    pub fn to_stderr(verbosity: Verbosity, format: Format) -> Log {
        Log::new(verbosity, format, Sink::Stderr(Stderr::new()))
    }

    /// A log on the system's `/dev/log`, under a facility's number.
    pub fn to_syslog(verbosity: Verbosity, format: Format, facility: u8) -> Log {
        Log::new(verbosity, format, Sink::Syslog(Box::new(Syslog::new(facility))))
    }

    fn new(verbosity: Verbosity, format: Format, sink: Sink) -> Log {
        let least = match verbosity {
            Verbosity::Quiet => Severity::Warning,
            Verbosity::Normal => Severity::Notice,
            Verbosity::Verbose => Severity::Info,
        };
        Log { least, format, queue: Queue::default(), sink, lost: 0, lost_ever: 0 }
    }

    /// Returns true if events of this severity are written at all.
    pub fn takes(&self, severity: Severity) -> bool {
        severity <= self.least
    }

    /// Writes one line. Characters that could forge a line or control a terminal
    /// are shown as `%XX`; on standard error all non-ASCII characters as well, as
    /// in the original (BEHAVIOUR C1). JSON escapes them in its own way.
    pub fn line(&mut self, severity: Severity, text: impl AsRef<[u8]>) {
        if self.has_room_for(severity) {
            self.push(severity, text.as_ref());
        }
    }

    pub fn entry(&mut self, severity: Severity, entry: Entry) {
        match entry {
            Entry::Text(text) => self.line(severity, text),
            Entry::Fields(object) if self.has_room_for(severity) => {
                self.push_object(severity, object);
            }
            Entry::Fields(_) => {}
        }
    }

    /// Writes one line that starts with the time (BEHAVIOUR C1), unless the journal
    /// adds it.
    pub fn line_with_time(&mut self, severity: Severity, text: &str) {
        match &self.sink {
            Sink::Stderr(stderr) if stderr.is_journal => self.line(severity, text),
            _ => self.line(severity, format!("{} {text}", clock::log_stamp())),
        }
    }

    /// Returns true if a line is to be written and can be; counts it as lost if not.
    fn has_room_for(&mut self, severity: Severity) -> bool {
        let is_wanted = self.takes(severity);
        let is_lost = is_wanted && self.queue.is_full();
        self.lose(u64::from(is_lost));
        is_wanted && !is_lost
    }

    fn push(&mut self, severity: Severity, text: &[u8]) {
        if self.format == Format::Json {
            let object = Object::new().text("severity", severity.name()).text("message", text);
            self.push_object(severity, object);
            return;
        }
        let mut line = self.head(severity);
        line.reserve(text.len() + 1);
        match &self.sink {
            Sink::Stderr(_) => escape(&mut line, text, |byte| matches!(byte, b' '..=b'~')),
            Sink::Syslog(_) => escape_controls(&mut line, text),
        }
        self.end(line);
    }

    /// Writes an object, which needs no escaping.
    fn push_object(&mut self, severity: Severity, object: Object) {
        // The mark of a complaint would make the line invalid JSON.
        let is_marked = severity == Severity::Complaint;
        let mut line = self.head(if is_marked { Severity::Warning } else { severity });
        line.append(&mut object.into_bytes());
        self.end(line);
    }

    /// Starts a line.
    fn head(&self, severity: Severity) -> Vec<u8> {
        match &self.sink {
            Sink::Stderr(stderr) => stderr.head(severity),
            Sink::Syslog(syslog) => syslog.head(severity),
        }
    }

    fn end(&mut self, mut line: Vec<u8>) {
        line.push(b'\n');
        self.queue.push(line);
    }

    /// Writes as many queued lines as their reader accepts now.
    pub fn flush(&mut self) {
        self.hand_over();
        if self.lost > 0 && self.is_empty() {
            let line = format!("{} log lines were lost: the logger did not accept them", self.lost);
            self.lost = 0;
            self.push(Severity::Warning, line.as_bytes());
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        match &mut self.sink {
            Sink::Stderr(stderr) => stderr.send(&mut self.queue),
            Sink::Syslog(syslog) => {
                let lost = syslog.send(&mut self.queue);
                self.lose(lost);
            }
        }
    }

    fn lose(&mut self, lines: u64) {
        self.lost += lines;
        self.lost_ever += lines;
    }

    pub fn lost_ever(&self) -> u64 {
        self.lost_ever
    }

    /// Returns true if lines wait for their reader, so that [`Log::flush`] should be
    /// tried again soon.
    pub fn is_waiting(&self) -> bool {
        !self.is_empty() || self.lost > 0
    }

    fn is_empty(&self) -> bool {
        let is_unfinished = matches!(&self.sink, Sink::Stderr(stderr) if stderr.is_unfinished());
        self.queue.is_empty() && !is_unfinished
    }
}

/// Escapes the control characters and bidirectional formatting of UTF-8 and, where text
/// is not UTF-8, the control characters of Latin-1: a terminal may obey either.
fn escape_controls(line: &mut Vec<u8>, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            let is_plain = is_harmless(letter);
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
    use crate::daemon::log_queue::MAX_LINES;

    fn lines(log: &mut Log) -> Vec<String> {
        let lines = std::iter::from_fn(|| log.queue.pop());
        lines.map(|line| line.escape_ascii().to_string()).collect()
    }

    fn to_syslog(text: &[u8]) -> String {
        let mut line = Vec::new();
        escape_controls(&mut line, text);
        line.escape_ascii().to_string()
    }

    #[test]
    fn unprintable_bytes_cannot_forge_a_line() {
        let mut log = Log::to_stderr(Verbosity::Normal, Format::Classic);
        log.line(Severity::Notice, "sender=\r\nx\u{1b}[2J\té 100%\0");
        assert_eq!(lines(&mut log), ["sender=%0D%0Ax%1B[2J%09%C3%A9 100%%00\\n"]);
    }

    #[test]
    fn in_json_each_line_is_an_object() {
        let mut log = Log::to_stderr(Verbosity::Normal, Format::Json);
        log.line(Severity::Complaint, b"a \"b\"\n\xff\xc2\x9b");
        log.entry(Severity::Notice, Entry::Fields(Object::new().text("sender", "\u{e9}\u{9b}")));
        log.entry(Severity::Info, Entry::Fields(Object::new()));
        log.entry(Severity::Error, Entry::Text(b"x".to_vec()));
        assert_eq!(
            lines(&mut log),
            [
                r#"{"severity":"warning","message":"a \"b\"\u000a\u{fffd}\u009b"}"#,
                r#"{"sender":"\u{e9}\u009b"}"#,
                r#"{"severity":"error","message":"x"}"#,
            ]
            .map(|line| line.replace("\\u{fffd}", "\u{fffd}").replace("\\u{e9}", "\u{e9}") + "\n")
            .map(|line| line.as_bytes().escape_ascii().to_string())
        );
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
            let log = Log::to_stderr(verbosity, Format::Classic);
            assert_eq!(severities.map(|severity| log.takes(severity)), written);
        }
    }

    #[test]
    fn dropped_log_lines_are_counted() {
        let mut log = Log::to_stderr(Verbosity::Normal, Format::Classic);
        for _ in 0..MAX_LINES + 7 {
            log.line(Severity::Notice, "x");
        }
        assert_eq!((log.lost, log.lost_ever()), (7, 7));
        assert!(log.is_waiting());
        assert_eq!(lines(&mut log).len(), MAX_LINES);
    }
}
