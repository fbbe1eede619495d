//! Warnings about lists, in limited number.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use super::location::Location;

/// The number of warnings about one kind of list. A log file named by mistake
/// would have a million.
const MAX_WARNINGS: usize = 100;

/// A warning about a list; `Display` gives the text for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The place of the rule; `None` for a warning about a file or a whole list.
    location: Option<Location>,
    /// The file or directory that could not be read.
    unread: Option<PathBuf>,
    text: String,
}

impl Warning {
    /// A warning about one rule; `text` follows `FILE line N: `.
    pub(super) fn about(location: &Location, text: &str) -> Warning {
        let text = shortened(text).into_owned();
        Warning { location: Some(location.clone()), unread: None, text }
    }

    /// The place of the rule, if it is about one.
    pub fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }

    /// The text without the place.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The file or directory that could not be read, if it is about one.
    pub fn unread(&self) -> Option<&Path> {
        self.unread.as_deref()
    }

    pub(super) fn unreadable(file: &Path, why: &str) -> Warning {
        let text = format!("can't open {}: {why}", file.display());
        Warning { location: None, unread: Some(file.to_owned()), text }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(out, "{location}: {}", self.text),
            None => out.write_str(&self.text),
        }
    }
}

/// Shortens a text that quotes a rule, which may be as long as a file.
fn shortened(text: &str) -> Cow<'_, str> {
    const HALF: usize = 200;
    let length = text.chars().count();
    if length <= 2 * HALF {
        return text.into();
    }
    let begin = text.chars().take(HALF);
    begin.chain("...".chars()).chain(text.chars().skip(length - HALF)).collect()
}

/// The first warnings, and the number of the others.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    kept: Vec<Warning>,
    more: usize,
}

impl Diagnostics {
    /// Complains of one rule, see [`Warning::about`].
    pub(super) fn about(&mut self, location: &Location, text: &str) {
        if self.kept.len() < MAX_WARNINGS {
            self.kept.push(Warning::about(location, text));
        } else {
            self.more += 1;
        }
    }

    /// Appends the warnings, and one with the number of those that were not kept.
    pub(super) fn append_to(self, warnings: &mut Vec<Warning>) {
        warnings.extend(self.kept);
        if self.more > 0 {
            let text = format!("{} more warnings like these", self.more);
            warnings.push(Warning { location: None, unread: None, text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Clients, Text};

    fn diagnostics(bytes: &[u8]) -> Vec<String> {
        let mut warnings = Vec::new();
        Clients::parse([Text { file: "list".into(), bytes: bytes.to_vec() }], &mut warnings);
        warnings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn warnings_about_a_broken_list_are_limited() {
        let diagnostics = diagnostics(&b"not a name\n".repeat(100_000));
        assert_eq!(diagnostics.len(), 101);
        assert_eq!(diagnostics[99], "list line 100: doesn't look like a hostname");
        assert_eq!(diagnostics[100], "99900 more warnings like these");
    }

    #[test]
    fn a_long_rule_is_not_shown_whole() {
        let rule = b"1:".repeat(100_000);
        let [complaint] = &diagnostics(&rule)[..] else { panic!("one complaint") };
        assert!(complaint.starts_with("list line 1: 1:1:"), "{complaint}");
        assert!(complaint.contains("1:1:..."), "{complaint}");
        assert!(complaint.ends_with(", and nothing after it"), "{complaint}");
        assert!(complaint.len() < 500, "{complaint}");
    }

    #[test]
    fn a_rule_longer_than_any_name_is_reported_and_skipped() {
        let list = [b"x".repeat(512), b"y".repeat(513)].join(&b'\n');
        let expected = "list line 2: is longer than any name (512 bytes), ignored";
        assert_eq!(diagnostics(&list), [expected]);
    }
}
