//! Parsing that all lists share.

use super::diagnostics::{Diagnostics, Warning};
use super::file::Text;
use super::location::Location;
use super::pattern::{self, Patterns};

/// Reads lists in their order: returns their patterns, and passes each other rule
/// to `plain` with its place.
pub(super) fn read(
    texts: impl IntoIterator<Item = Text>,
    warnings: &mut Vec<Warning>,
    mut plain: impl FnMut(&[u8], Location, &mut Diagnostics),
) -> Patterns {
    let mut patterns = pattern::Builder::default();
    let mut diagnostics = Diagnostics::default();
    for text in texts {
        for (location, rule) in text.rules(&mut diagnostics) {
            match pattern::of_rule(rule) {
                Some(pattern) => patterns.add(pattern, location, &mut diagnostics),
                None => plain(rule, location, &mut diagnostics),
            }
        }
    }
    let patterns = patterns.build(&mut diagnostics);
    diagnostics.append_to(warnings);
    patterns
}
