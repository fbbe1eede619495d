//! Patterns that need PCRE2: tried one by one, within limits for each and for all.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::super::diagnostics::Warning;
use super::super::location::Location;
use super::{Letters, dialect};

/// Only `\n` is a newline; matching ends after this number of steps (`^(a+)+$`
/// would otherwise take minutes for one name), or this memory for backtracking in
/// KiB, which a pattern keeps once it has needed it. PCRE2 10.46 errs in its short
/// cuts: by them `(|.*){0}b` does not match `ab`, `((a)b|c\1*)` a `c`, or
/// `b?(a)?+b` a `b`.
const LIMITS: &str = "(*LF)(*NO_AUTO_POSSESS)(*NO_DOTSTAR_ANCHOR)(*NO_START_OPT)\
    (*LIMIT_MATCH=100000)(*LIMIT_DEPTH=1000)(*LIMIT_HEAP=256)";

/// The time for all patterns of a list and one name. A pattern that reaches its
/// limit takes about a millisecond.
const TIME_LIMIT: Duration = Duration::from_millis(10);

/// The patterns of a list that need PCRE2, in their order.
#[derive(Debug, Default)]
pub(super) struct Backtracking(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    number: usize,
    regex: pcre2::bytes::Regex,
    location: Location,
    /// It was warned of; once is enough until the lists are read again.
    is_known: Cell<bool>,
}

impl Backtracking {
    /// Compiles a pattern and adds it.
    pub(super) fn add(
        &mut self,
        number: usize,
        pattern: &[u8],
        location: Location,
    ) -> Result<(), String> {
        let regex = interpreted(pattern, Letters::SameInBothCases)?;
        self.0.push(Entry { number, regex, location, is_known: Cell::new(false) });
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The patterns in the order of their numbers, after the last was added.
    pub(super) fn sort(&mut self) {
        self.0.sort_by_key(|entry| entry.number);
    }

    /// Returns the first pattern before number `end` that matches the name.
    /// Patterns are skipped when the time is over.
    pub(super) fn find(
        &self,
        name: &[u8],
        end: usize,
        warnings: &mut Vec<Warning>,
    ) -> Option<&Location> {
        if self.0.is_empty() {
            return None;
        }
        let start = Instant::now();
        let (mut now, mut slowest) = (start, (Duration::ZERO, None));
        for entry in self.0.iter().take_while(|entry| entry.number < end) {
            if now - start > TIME_LIMIT {
                if let (time, Some(entry)) = slowest {
                    warn_of_time(entry, time, name, warnings);
                }
                return None;
            }
            if entry.matches(name, warnings) {
                return Some(&entry.location);
            }
            let before = std::mem::replace(&mut now, Instant::now());
            if now - before > slowest.0 {
                slowest = (now - before, Some(entry));
            }
        }
        None
    }
}

/// Warns of the pattern that took most of a lookup's time.
fn warn_of_time(entry: &Entry, time: Duration, name: &[u8], warnings: &mut Vec<Warning>) {
    if entry.is_known.replace(true) {
        return;
    }
    let text = format!(
        "pattern took {time:.1?} for {}, and the list's patterns together more than \
         {TIME_LIMIT:?}: those after it were not tried; write a simpler one",
        name.escape_ascii()
    );
    warnings.push(Warning::about(&entry.location, &text));
}

impl Entry {
    fn matches(&self, name: &[u8], warnings: &mut Vec<Warning>) -> bool {
        self.regex.is_match(name).unwrap_or_else(|error| {
            if !self.is_known.replace(true) {
                let text = format!(
                    "pattern gave up on {} ({}) and did not match; write a simpler one",
                    name.escape_ascii(),
                    message(&error)
                );
                warnings.push(Warning::about(&self.location, &text));
            }
            false
        })
    }
}

/// Compiles a pattern for PCRE2's interpreter, within [`LIMITS`]. The just-in-time
/// compiler of version 10.42 (Debian 12) made code that read beyond the name.
pub(super) fn interpreted(pattern: &[u8], letters: Letters) -> Result<pcre2::bytes::Regex, String> {
    let pattern = dialect::for_pcre2(pattern)?;
    pcre2::bytes::RegexBuilder::new()
        .caseless(letters == Letters::SameInBothCases)
        .build(&format!("{LIMITS}{pattern}"))
        .map_err(|error| message(&error))
}

/// PCRE2's words without its offsets, which count [`LIMITS`].
fn message(error: &pcre2::Error) -> String {
    let text = error.to_string();
    text.splitn(3, ": ").last().unwrap_or_default().to_owned()
}
