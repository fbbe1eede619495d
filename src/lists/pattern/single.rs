//! One pattern for itself, outside of any list.

use super::backtracking::interpreted;
use super::{MAX_LENGTH, MAX_STATES_OF_ONE, subset};
use regex::bytes::RegexBuilder;

#[derive(Debug)]
pub struct Pattern(Engine);

#[derive(Debug)]
enum Engine {
    Linear(regex::bytes::Regex),
    Backtracking(pcre2::bytes::Regex),
}

/// The handling of upper and lower case letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    SameInBothCases,
    AsWritten,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// The text names the unsupported construct.
    pub fn new(pattern: &[u8], letters: Letters) -> Result<Pattern, String> {
        if pattern.len() > MAX_LENGTH {
            return Err(format!("it is longer than {MAX_LENGTH} bytes"));
        }
        let common = subset::rewrite(pattern).filter(|common| common.size <= MAX_STATES_OF_ONE);
        let linear = common.and_then(|common| {
            RegexBuilder::new(&common.text)
                .case_insensitive(letters == Letters::SameInBothCases)
                .unicode(false)
                .build()
                .ok()
        });
        if let Some(regex) = linear {
            return Ok(Pattern(Engine::Linear(regex)));
        }
        Ok(Pattern(Engine::Backtracking(interpreted(pattern, letters)?)))
    }

    /// Returns true if the pattern matches somewhere in a text and does not reach
    /// its limit.
    pub fn is_match(&self, text: &[u8]) -> bool {
        match &self.0 {
            Engine::Linear(regex) => regex.is_match(text),
            Engine::Backtracking(regex) => regex.is_match(text).unwrap_or(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_counts_where_it_is_asked_to() {
        for pattern in ["Grey", "Gr(?=ey)", "G[r]ey", r"(Gr)ey(?!\1)"] {
            let both = Pattern::new(pattern.as_bytes(), Letters::SameInBothCases).unwrap();
            let one = Pattern::new(pattern.as_bytes(), Letters::AsWritten).unwrap();
            for (text, in_both, in_one) in
                [("x Grey y", true, true), ("x gREY y", true, false), ("gra", false, false)]
            {
                assert_eq!(both.is_match(text.as_bytes()), in_both, "{pattern} {text}");
                assert_eq!(one.is_match(text.as_bytes()), in_one, "{pattern} {text}");
            }
        }
    }

    #[test]
    fn errors_of_patterns_are_explained() {
        for pattern in ["(", "a)", "*a", "(?{1})"] {
            let why = Pattern::new(pattern.as_bytes(), Letters::AsWritten).unwrap_err();
            assert!(!why.is_empty(), "{pattern}");
        }
    }
}
