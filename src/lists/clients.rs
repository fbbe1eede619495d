//! Rules on clients: by name, by address or network, by pattern (BEHAVIOUR F2–F4).

use std::net::IpAddr;

use super::diagnostics::Warning;
use super::file::{Text, is_blank};
use super::location::Location;
use super::names::{self, Names};
use super::networks::{Network, Networks};
use super::pattern::{Budget, Patterns};
use super::rules;

#[derive(Debug, Default)]
pub struct Clients {
    names: Names,
    networks: Networks,
    patterns: Patterns,
}

impl Clients {
    /// Parses lists in their order; what is wrong with a line becomes a warning
    /// and the line is skipped.
    pub fn parse(texts: impl IntoIterator<Item = Text>, warnings: &mut Vec<Warning>) -> Clients {
        let mut clients = Clients::default();
        clients.patterns = rules::read(texts, warnings, |rule, location, diagnostics| {
            // The order of these questions is the original's.
            if let Some(network) = Network::parse(rule) {
                match network {
                    Ok(network) => clients.networks.insert(network, location),
                    Err(why) => diagnostics.about(&location, &why),
                }
            } else if rule.iter().any(is_blank) {
                diagnostics.about(&location, "doesn't look like a hostname");
            } else if rule.len() > names::MAX_LENGTH {
                diagnostics.about(&location, names::TOO_LONG);
            } else {
                clients.names.insert(rule, location);
            }
        });
        clients
    }

    pub fn len(&self) -> usize {
        self.names.len() + self.networks.len() + self.patterns.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the rule that a client's name matches: the name, a domain of the
    /// name, or a pattern. Patterns that take too long are reported in `budget`.
    pub fn by_name<'l>(&'l self, name: &[u8], budget: &mut Budget<'l>) -> Option<&'l Location> {
        if self.names.is_empty() && self.patterns.is_empty() {
            return None;
        }
        let folded = names::fold(name);
        let domains = names::tails(&folded, |byte| byte == b'.');
        self.names
            .find(std::iter::once(folded.as_slice()).chain(domains))
            .or_else(|| self.patterns.find(name, budget))
    }

    /// Returns the rule that is a client's address or its network.
    pub fn by_address(&self, address: IpAddr) -> Option<&Location> {
        self.networks.find(address)
    }
}
