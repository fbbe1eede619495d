//! Rules that are Perl regular expressions, as far as a line can hold them:
//! no blanks, no `#` (BEHAVIOUR F4).
//!
//! No Rust engine is Perl's. Patterns that mean the same everywhere
//! ([`subset`]) go together into automata that read the name once for all of
//! them. The others go to PCRE2, which backtracks like Perl and is given a
//! limit. A construct that PCRE2 reads differently is refused ([`dialect`]).

mod dialect;
mod single;
mod subset;

pub use single::{Letters, Pattern};

use std::cell::Cell;

use regex::bytes::{RegexSet, RegexSetBuilder};
use subset::Common;

use super::diagnostics::{Diagnostics, Warning};
use super::location::Location;

/// Versions of PCRE2 differ in what they accept, so that only the one in pcre2-sys
/// is linked. Cargo sets the variable from `.cargo/config.toml`, and passes over
/// that file when it is run outside of the repository.
const _: () = assert!(
    matches!(option_env!("PCRE2_SYS_STATIC"), Some(value) if matches!(value.as_bytes(), b"1")),
    "run cargo inside the repository, or with PCRE2_SYS_STATIC=1"
);

/// Longest pattern in bytes. Some engine's limit would come soon after.
const MAX_LENGTH: usize = 32 * 1024;

/// Only `\n` is a newline; matching ends after this number of steps (`^(a+)+$`
/// would otherwise take minutes for one name), or this memory for backtracking in
/// KiB, which a pattern keeps once it has needed it. PCRE2 10.46 errs in its short
/// cuts: by them `(|.*){0}b` does not match `ab`, `((a)b|c\1*)` a `c`, or
/// `b?(a)?+b` a `b`.
const LIMITS: &str = "(*LF)(*NO_AUTO_POSSESS)(*NO_DOTSTAR_ANCHOR)(*NO_START_OPT)\
    (*LIMIT_MATCH=100000)(*LIMIT_DEPTH=1000)(*LIMIT_HEAP=256)";

/// States of the largest pattern that shares an automaton, which PCRE2 refuses
/// sooner, and of all of a list: some 80 MB, and a second or two to make them.
/// Thirty thousand patterns of the usual size come to less.
const MOST_STATES_OF_ONE: u64 = 50_000;
const MOST_STATES: u64 = 1_000_000;

/// Patterns of a list that may need PCRE2. It looks at them one by one, and each
/// may come to hold what [`LIMITS`] let it.
const MOST_BACKTRACKING: usize = 500;

/// Said of a pattern beyond these limits.
const TOO_MUCH: &str = "pattern ignored, the list's patterns are too large together; write names, \
    domains and networks where they do";

/// The pattern of a rule that is one: all between `/` and `/`, at least one byte.
pub fn of_rule(rule: &[u8]) -> Option<&[u8]> {
    let pattern = rule.strip_prefix(b"/")?.strip_suffix(b"/")?;
    (!pattern.is_empty() && !pattern.iter().any(super::file::is_blank)).then_some(pattern)
}

/// A list's patterns.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    linear: Vec<Linear>,
    backtracking: Vec<Backtracking>,
}

impl Patterns {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        let linear = self.linear.iter().map(|linear| linear.origins.len());
        linear.sum::<usize>() + self.backtracking.len()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.linear.is_empty() && self.backtracking.is_empty()
    }

    /// A pattern that matches the name; none of an empty list costs nothing.
    pub(super) fn find(&self, name: &[u8], warnings: &mut Vec<Warning>) -> Option<&Location> {
        self.linear.iter().find_map(|linear| linear.find(name)).or_else(|| {
            self.backtracking
                .iter()
                .find(|pattern| pattern.matches(name, warnings))
                .map(|pattern| &pattern.origin)
        })
    }
}

/// Patterns of the common subset, all in one automaton.
#[derive(Debug)]
struct Linear {
    set: RegexSet,
    origins: Vec<Location>,
}

impl Linear {
    fn find(&self, name: &[u8]) -> Option<&Location> {
        // Most names match none, which is known sooner than who matches.
        if !self.set.is_match(name) {
            return None;
        }
        self.set.matches(name).iter().next().map(|index| &self.origins[index])
    }
}

/// A pattern that needs PCRE2.
#[derive(Debug)]
struct Backtracking {
    regex: pcre2::bytes::Regex,
    origin: Location,
    /// One complaint for each pattern is enough until the lists are read again.
    complained: Cell<bool>,
}

impl Backtracking {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// The construct that is refused, as half a sentence.
    fn compile(pattern: &[u8], origin: Location) -> Result<Backtracking, String> {
        let regex = interpreted(pattern, Letters::SameInBothCases)?;
        Ok(Backtracking { regex, origin, complained: Cell::new(false) })
    }

    fn matches(&self, name: &[u8], warnings: &mut Vec<Warning>) -> bool {
        self.regex.is_match(name).unwrap_or_else(|error| {
            if !self.complained.replace(true) {
                let name = name.escape_ascii();
                let why = format!(
                    "pattern gave up on {name} ({}) and did not match; write a simpler one",
                    message(&error)
                );
                warnings.push(Warning::about(&self.origin, &why));
            }
            false
        })
    }
}

/// Compiles a pattern for PCRE2's interpreter, within [`LIMITS`]. The just-in-time
/// compiler of version 10.42 (Debian 12) made code that read beyond the name.
///
/// # Errors
/// The construct that is refused, as half a sentence.
fn interpreted(pattern: &[u8], letters: Letters) -> Result<pcre2::bytes::Regex, String> {
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

/// Takes a list's patterns one by one, then makes [`Patterns`] of them.
#[derive(Debug, Default)]
pub(super) struct Builder {
    linear: Vec<Candidate>,
    /// States that these come to.
    states: u64,
    backtracking: Vec<Backtracking>,
}

/// A pattern of the common subset.
#[derive(Debug)]
struct Candidate {
    /// As the regex crate writes it.
    text: String,
    /// As the administrator wrote it.
    pattern: Vec<u8>,
    origin: Location,
}

impl Builder {
    /// Adds the pattern of a rule, or complains that it cannot be had.
    pub(super) fn add(&mut self, pattern: &[u8], origin: Location, complaints: &mut Diagnostics) {
        if pattern.len() > MAX_LENGTH {
            let why = format!("pattern ignored, it is longer than {MAX_LENGTH} bytes; split it");
            complaints.about(&origin, &why);
            return;
        }
        match subset::rewrite(pattern) {
            Some(Common { text, size }) if size <= MOST_STATES_OF_ONE => {
                if self.states + size > MOST_STATES {
                    complaints.about(&origin, TOO_MUCH);
                    return;
                }
                self.states += size;
                self.linear.push(Candidate { text, pattern: pattern.to_owned(), origin });
            }
            _ => self.add_backtracking(pattern, origin, complaints),
        }
    }

    fn add_backtracking(&mut self, pattern: &[u8], origin: Location, complaints: &mut Diagnostics) {
        if self.backtracking.len() >= MOST_BACKTRACKING {
            complaints.about(&origin, TOO_MUCH);
            return;
        }
        match Backtracking::compile(pattern, origin.clone()) {
            Ok(pattern) => self.backtracking.push(pattern),
            Err(why) => complaints.about(&origin, &format!("pattern ignored, {why}")),
        }
    }

    /// Compiles all. What is too large for one automaton is divided among
    /// several; one pattern too large for any is left to PCRE2.
    pub(super) fn build(mut self, complaints: &mut Diagnostics) -> Patterns {
        let mut linear = Vec::new();
        let mut waiting = vec![std::mem::take(&mut self.linear)];
        while let Some(mut candidates) = waiting.pop() {
            if candidates.is_empty() {
                continue;
            }
            match compile_set(&candidates) {
                Ok(set) => {
                    let origins = candidates.into_iter().map(|candidate| candidate.origin);
                    linear.push(Linear { set, origins: origins.collect() });
                }
                Err(_) if candidates.len() > 1 => {
                    let second_half = candidates.split_off(candidates.len() / 2);
                    waiting.extend([second_half, candidates]);
                }
                Err(_) => {
                    for Candidate { pattern, origin, .. } in candidates {
                        self.add_backtracking(&pattern, origin, complaints);
                    }
                }
            }
        }
        Patterns { linear, backtracking: self.backtracking }
    }
}

fn compile_set(candidates: &[Candidate]) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(candidates.iter().map(|candidate| &candidate.text))
        .case_insensitive(true)
        .unicode(false)
        .build()
}

#[cfg(test)]
mod tests {
    use super::super::file::Text;
    use super::*;

    /// How many of so many equal patterns a list does not take.
    fn refused(pattern: &str, times: usize) -> usize {
        let text =
            Text { file: "list".into(), bytes: format!("/{pattern}/\n").repeat(times).into() };
        let mut builder = Builder::default();
        let mut complaints = Diagnostics::default();
        for (origin, rule) in text.rules(&mut Diagnostics::default()) {
            builder.add(of_rule(rule).unwrap(), origin, &mut complaints);
        }
        times - builder.linear.len() - builder.backtracking.len()
    }

    #[test]
    fn the_patterns_of_a_list_have_a_largest_size() {
        assert_eq!(refused(r"^mx\d+\.example$", 10_000), 0);
        assert_eq!(refused("((a{50}){50}){20}", 30), 10);
        assert_eq!(refused("(?=x)a", 510), 10);
    }

    /// The patterns of a list.
    fn patterns(list: &[u8]) -> Patterns {
        let text = Text { file: "list".into(), bytes: list.to_vec() };
        let mut builder = Builder::default();
        let mut complaints = Diagnostics::default();
        for (origin, rule) in text.rules(&mut Diagnostics::default()) {
            if let Some(pattern) = of_rule(rule) {
                builder.add(pattern, origin, &mut complaints);
            }
        }
        builder.build(&mut complaints)
    }

    #[test]
    fn one_automaton_answers_for_all_patterns_of_the_shipped_list() {
        let needed = include_str!("../../debian/postgrey_whitelist_clients");
        let large = include_str!("../../debian/postgrey_whitelist_clients.d/large-providers.conf");
        let patterns = patterns([needed, large].concat().as_bytes());
        let sizes: Vec<usize> = patterns.linear.iter().map(|linear| linear.set.len()).collect();
        assert_eq!((sizes, patterns.backtracking.len()), (vec![34], 0));
    }

    /// Patterns of published lists: forums, configuration repositories, mailing
    /// lists of Postfix and postgrey.
    const PUBLISHED: &[&str] = &[
        r"^*.outbound.protection.outlook.com$",
        r"^.*\.amazonses\.com",
        r"\.outbound\.protection\.outlook\.com$",
        r"^.*?.server.arvato-systems.de$",
        r"^mail-*\.outbound\.protection\.outlook\.com$",
        r"^gmx\..*$",
        r"^..crm[hx]c..\.comcast\.net$",
        r"^(relay|mail|mx|smtp)",
        r".*dynamic.*",
        r"^a\x23b\.test$",
        r"foo|bar|",
        r"^mx\s1\.example\.com$",
        r"^postmaster@tadalist\.com$",
        r"^notifications?@",
        r"^(?!unknown$)",
        r"(^|\.)example\.com$",
        r"^smtp[0-9]{1,3}-[a-z]+\.",
        r"^[\w-.]+\.example\.com$",
        r"(?i)^m(?:x|ail)(?:\d{1,2}|-out)\.",
        r"(?^i:^mx\.example)",
        r"(?-xism:^mx\.example)",
        r"(\d{1,3})[.-]\1[.-]",
    ];

    #[test]
    fn no_published_pattern_is_refused() {
        for pattern in PUBLISHED {
            assert_eq!(dialect::for_pcre2(pattern.as_bytes()).err(), None, "{pattern}");
            let letters = Letters::SameInBothCases;
            assert!(Pattern::new(pattern.as_bytes(), letters).is_ok(), "{pattern}");
        }
        let needed = include_str!("../../debian/postgrey_whitelist_clients");
        let large = include_str!("../../debian/postgrey_whitelist_clients.d/large-providers.conf");
        let recipients = include_str!("../../debian/postgrey_whitelist_recipients");
        for line in [needed, large, recipients].concat().lines() {
            if let Some(pattern) = of_rule(super::super::file::rule_of(line.as_bytes())) {
                assert_eq!(dialect::for_pcre2(pattern).err(), None, "{line}");
            }
        }
    }

    #[test]
    fn one_automaton_answers_for_thousands_of_patterns() {
        let rules = (0..2000).map(|number| format!("/^mx\\d+\\.host{number}\\.example$/\n"));
        let patterns = patterns(rules.collect::<String>().as_bytes());
        assert_eq!((patterns.linear.len(), patterns.backtracking.len()), (1, 0));
        let found = patterns.find(b"mx12.host1999.example", &mut Vec::new());
        assert_eq!(found.map(Location::line), Some(2000));
    }
}
