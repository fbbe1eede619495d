//! Patterns that need PCRE2: tried one by one, within limits for each and for all of a
//! request.

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

/// The time for all patterns of all lists and one request. A pattern that reaches its
/// limit takes about a millisecond.
const TIME_LIMIT: Duration = Duration::from_millis(10);

/// The time that patterns may take for one request, and warnings about those that took
/// too much.
#[derive(Debug, Default)]
pub struct Budget<'l> {
    spent: Duration,
    slowest: Option<(Duration, &'l Entry)>,
    warnings: Vec<Warning>,
}

impl Budget<'_> {
    /// The warnings, of which each list has one for each pattern.
    pub fn into_warnings(self) -> Vec<Warning> {
        self.warnings
    }
}

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
    pub(super) fn find<'l>(
        &'l self,
        name: &[u8],
        end: usize,
        budget: &mut Budget<'l>,
    ) -> Option<&'l Location> {
        if self.0.is_empty() {
            return None;
        }
        let mut start = Instant::now();
        for entry in self.0.iter().take_while(|entry| entry.number < end) {
            if budget.spent > TIME_LIMIT {
                budget.warn_of_time(name);
                return None;
            }
            let is_match = entry.matches(name, &mut budget.warnings);
            let now = Instant::now();
            budget.note(entry, now - std::mem::replace(&mut start, now));
            if is_match {
                return Some(&entry.location);
            }
        }
        None
    }
}

impl<'l> Budget<'l> {
    /// Notes the time that a pattern took.
    fn note(&mut self, entry: &'l Entry, time: Duration) {
        self.spent += time;
        if self.slowest.is_none_or(|(longest, _)| longest < time) {
            self.slowest = Some((time, entry));
        }
    }

    /// Warns of the pattern that took most of the time.
    fn warn_of_time(&mut self, name: &[u8]) {
        let Some((time, entry)) = self.slowest.filter(|(_, entry)| !entry.is_known.replace(true))
        else {
            return;
        };
        let text = format!(
            "pattern took {time:.1?} at {}, and all patterns together more than {TIME_LIMIT:?} \
             for one request: those after it were not tried; write a simpler one",
            name.escape_ascii()
        );
        self.warnings.push(Warning::about(&entry.location, &text));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn list(line: u32) -> Backtracking {
        let mut patterns = Backtracking::default();
        let location = Location { file: std::path::Path::new("list").into(), line };
        patterns.add(0, b"(?=b)b", location).unwrap();
        patterns
    }

    #[test]
    fn slowest_pattern_of_all_lists_is_named() {
        let [first, second, third] = [1, 2, 3].map(list);
        let mut budget = Budget::default();
        budget.note(&first.0[0], Duration::from_millis(2));
        budget.note(&second.0[0], Duration::from_millis(7));
        assert_eq!(third.find(b"b", 1, &mut budget), Some(&third.0[0].location));
        budget.note(&third.0[0], Duration::from_millis(3));
        for _ in 0..2 {
            assert_eq!(third.find(b"b", 1, &mut budget), None, "the time is over");
        }
        let warnings = budget.into_warnings();
        assert_eq!(warnings.len(), 1);
        assert_eq!(
            warnings[0].to_string(),
            "list line 2: pattern took 7.0ms at b, and all patterns together more than 10ms for \
             one request: those after it were not tried; write a simpler one"
        );
    }
}
