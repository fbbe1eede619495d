//! Rules on mail addresses: by address, by user, by domain, by pattern (BEHAVIOUR F5).

use super::diagnostics::Warning;
use super::file::{Text, is_blank};
use super::location::Location;
use super::names::{self, Names};
use super::pattern::{Budget, Patterns};
use super::rules;

/// A list of mail addresses, be it of recipients or of senders.
#[derive(Debug, Default)]
pub struct Addresses {
    /// `user@domain` and `user@`, which end with the `@`.
    addresses: Names,
    domains: Names,
    patterns: Patterns,
}

impl Addresses {
    /// Parses lists in their order; what is wrong with a line becomes a warning
    /// and the line is skipped.
    pub fn parse(texts: impl IntoIterator<Item = Text>, warnings: &mut Vec<Warning>) -> Addresses {
        let mut list = Addresses::default();
        list.patterns = rules::read(texts, warnings, |rule, location, diagnostics| {
            if rule.iter().any(is_blank) {
                diagnostics.about(&location, "doesn't look like an address");
            } else if rule.len() > names::MAX_LENGTH {
                diagnostics.about(&location, names::TOO_LONG);
            } else if rule.contains(&b'@') {
                list.addresses.insert(rule, location);
            } else {
                list.domains.insert(rule, location);
            }
        });
        list
    }

    pub fn len(&self) -> usize {
        self.addresses.len() + self.domains.len() + self.patterns.len()
    }

    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.domains.is_empty() && self.patterns.is_empty()
    }

    /// Returns the rule that an address matches. Patterns that take too long are
    /// reported in `budget`.
    pub fn find<'l>(&'l self, address: &[u8], budget: &mut Budget<'l>) -> Option<&'l Location> {
        if self.is_empty() {
            return None;
        }
        let folded = names::fold(address);
        self.by_address(&folded)
            .or_else(|| {
                self.domains.find(names::tails(&folded, |byte| matches!(byte, b'@' | b'.')))
            })
            .or_else(|| self.patterns.find(address, budget))
    }

    /// `user+extension@domain` is looked up with and without its extension, as
    /// an address and as a user of any domain.
    ///
    /// The user of a rule contains no `@`, and an extension contains none either:
    /// only the first `@` of an address can match the rule's.
    fn by_address(&self, address: &[u8]) -> Option<&Location> {
        let at = address.iter().position(|&byte| byte == b'@')?;
        let (local, domain) = address.split_at(at);
        let mut candidate = Vec::with_capacity(address.len());
        users(local).find_map(|user| {
            candidate.clear();
            candidate.extend_from_slice(user);
            candidate.extend_from_slice(domain);
            let any_domain = &candidate[..=user.len()];
            self.addresses.find([candidate.as_slice(), any_domain])
        })
    }
}

/// The local part, then what stands before each `+` that something follows.
fn users(local: &[u8]) -> impl Iterator<Item = &[u8]> {
    let before_extension =
        (0..local.len().saturating_sub(1)).filter(|&at| local[at] == b'+').map(|at| &local[..at]);
    std::iter::once(local).chain(before_extension)
}
