//! The administrator's whitelists, blacklists and other lists of clients, senders
//! and recipients.
//!
//! Lists are parsed once into one immutable value; the cost of a lookup does not
//! grow with the number of names, addresses and networks. Patterns are Perl
//! regular expressions and keep Perl's meaning, or are refused with a warning: a
//! line that silently meant something else would exempt the wrong mail.

mod addresses;
mod clients;
mod delays;
mod diagnostics;
mod dropins;
mod file;
mod kind;
mod location;
mod names;
mod networks;
mod pattern;
mod rules;
mod trusted;

use std::time::SystemTime;

pub use addresses::Addresses;
pub use clients::Clients;
pub use delays::Delays;
pub use diagnostics::Warning;
pub use file::{Text, read_files, read_line, rule_of, trim};
pub use kind::{Files, ListKind, Syntax};
pub use location::Location;
pub use networks::Network;
pub use pattern::{Budget, Letters, Pattern, of_rule as pattern_of};
pub use trusted::Trusted;

/// All lists. The default value matches nothing.
#[derive(Debug, Default)]
pub struct Lists {
    pub clients: Clients,
    pub recipients: Addresses,
    pub senders: Addresses,
    pub blacklists: Blacklists,
    /// The only recipients that are greylisted; `None` if all are.
    pub greylisted: Option<Addresses>,
    /// Delays of single recipients.
    pub delays: Delays,
    /// The size and age of each kind of list, once read.
    pub summaries: Vec<ListSummary>,
}

/// The lists whose mail is refused.
#[derive(Debug, Default)]
pub struct Blacklists {
    pub clients: Clients,
    pub senders: Addresses,
    pub recipients: Addresses,
}

/// The size and age of the lists of a kind.
#[derive(Debug)]
pub struct ListSummary {
    pub kind: ListKind,
    /// The number of rules.
    pub rules: usize,
    /// The last change of the newest file.
    pub changed: Option<SystemTime>,
}

impl Lists {
    /// Replaces the lists of a kind; returns their number of rules.
    fn parse(&mut self, kind: ListKind, texts: Vec<Text>, warnings: &mut Vec<Warning>) -> usize {
        let black = &mut self.blacklists;
        let addresses = match kind {
            ListKind::WhitelistClients | ListKind::BlacklistClients => {
                let is_white = kind == ListKind::WhitelistClients;
                let list = if is_white { &mut self.clients } else { &mut black.clients };
                *list = Clients::parse(texts, warnings);
                return list.len();
            }
            ListKind::RecipientDelays => {
                self.delays = Delays::parse(texts, warnings);
                return self.delays.len();
            }
            ListKind::WhitelistRecipients => &mut self.recipients,
            ListKind::WhitelistSenders => &mut self.senders,
            ListKind::BlacklistSenders => &mut black.senders,
            ListKind::BlacklistRecipients => &mut black.recipients,
            ListKind::GreylistRecipients => self.greylisted.get_or_insert_default(),
        };
        *addresses = Addresses::parse(texts, warnings);
        addresses.len()
    }
}

/// Reads the lists, at the start and on each reload.
#[derive(Debug)]
pub struct ListReader {
    files: Files,
    known: file::Known,
}

impl ListReader {
    pub fn new(files: Files) -> ListReader {
        ListReader { files, known: file::Known::new() }
    }

    /// Reads the files that only root can have put in their place, so that they
    /// count even if the daemon's user cannot read them.
    pub fn read_ahead(&mut self) {
        for file in self.files.all() {
            file::read_ahead(&file, &mut self.known);
        }
    }

    /// Reads all files. Never fails: broken lines and unreadable files become
    /// warnings, in the order in which the original would complain. A file
    /// that could be read before keeps its last content.
    pub fn read(&mut self) -> (Lists, Vec<Warning>) {
        let (mut lists, mut warnings) = (Lists::default(), Vec::new());
        for kind in ListKind::all() {
            let files = &self.files[kind];
            let texts = file::read(files, &mut self.known, &mut warnings);
            let is_unused = kind.restricts() && files.is_empty();
            let rules = if is_unused { 0 } else { lists.parse(kind, texts, &mut warnings) };
            lists.summaries.push(ListSummary { kind, rules, changed: file::newest_change(files) });
        }
        (lists, warnings)
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod reader_tests;

#[cfg(test)]
#[path = "dropins_tests.rs"]
mod dropins_tests;
