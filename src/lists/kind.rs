//! The kinds of lists, and the files of each.

use super::file;
use std::ops::{Index, IndexMut};
use std::path::PathBuf;

/// A kind of list, named like its option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    WhitelistClients,
    WhitelistRecipients,
    WhitelistSenders,
    BlacklistClients,
    BlacklistSenders,
    BlacklistRecipients,
    /// The only recipients that are greylisted; without any file, all are.
    GreylistRecipients,
    RecipientDelays,
}

/// The syntax of a list's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// Clients by name, address or network (BEHAVIOUR F2-F4).
    Clients,
    /// Mail addresses of recipients or of senders (BEHAVIOUR F5).
    Addresses,
    /// Mail addresses with a delay.
    Delays,
}

use ListKind::{
    BlacklistClients, BlacklistRecipients, BlacklistSenders, GreylistRecipients, RecipientDelays,
    WhitelistClients, WhitelistRecipients, WhitelistSenders,
};

/// A kind's option without dashes, its syntax and its default files, the shipped
/// list before the site's own (BEHAVIOUR F1).
type Row = (ListKind, &'static str, Syntax, &'static [&'static str]);

/// In the order of [`ListKind`].
const TABLE: [Row; 8] = [
    (
        WhitelistClients,
        "whitelist-clients",
        Syntax::Clients,
        &["/etc/postgrey/whitelist_clients", "/etc/postgrey/whitelist_clients.local"],
    ),
    (
        WhitelistRecipients,
        "whitelist-recipients",
        Syntax::Addresses,
        &["/etc/postgrey/whitelist_recipients", "/etc/postgrey/whitelist_recipients.local"],
    ),
    (WhitelistSenders, "whitelist-senders", Syntax::Addresses, &[]),
    (BlacklistClients, "blacklist-clients", Syntax::Clients, &[]),
    (BlacklistSenders, "blacklist-senders", Syntax::Addresses, &[]),
    (BlacklistRecipients, "blacklist-recipients", Syntax::Addresses, &[]),
    (GreylistRecipients, "greylist-recipients", Syntax::Addresses, &[]),
    (RecipientDelays, "recipient-delays", Syntax::Delays, &[]),
];

impl ListKind {
    /// All kinds, in the order in which they are read.
    pub fn all() -> impl Iterator<Item = ListKind> {
        TABLE.into_iter().map(|(kind, ..)| kind)
    }

    /// The option that names files of this kind, without dashes.
    pub fn option(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// Returns true for lists of the only mail that is greylisted. Without a file, such
    /// a list is off; an empty one exempts all mail.
    pub fn restricts(self) -> bool {
        self == GreylistRecipients
    }

    pub fn default_files(self) -> &'static [&'static str] {
        TABLE[self as usize].3
    }
}

/// The files of each kind of list. After each FILE, the files `FILE.d/*.conf` are
/// read in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files([Vec<PathBuf>; TABLE.len()]);

impl Files {
    /// Creates the value from a function that gives the files of a kind.
    pub fn new(files: impl Fn(ListKind) -> Vec<PathBuf>) -> Files {
        Files(TABLE.map(|(kind, ..)| files(kind)))
    }

    /// All files that are read, each with its drop-ins.
    pub fn all(&self) -> Vec<PathBuf> {
        self.0.iter().flat_map(|files| file::all(files)).collect()
    }

    /// Each kind of list: its option without dashes, its syntax and its files.
    pub fn by_option(&self) -> [(&'static str, Syntax, &[PathBuf]); TABLE.len()] {
        TABLE.map(|(kind, option, syntax, _)| (option, syntax, &self[kind][..]))
    }
}

impl Default for Files {
    fn default() -> Self {
        Files::new(|kind| kind.default_files().iter().map(PathBuf::from).collect())
    }
}

impl Index<ListKind> for Files {
    type Output = Vec<PathBuf>;

    fn index(&self, kind: ListKind) -> &Vec<PathBuf> {
        &self.0[kind as usize]
    }
}

impl IndexMut<ListKind> for Files {
    fn index_mut(&mut self, kind: ListKind) -> &mut Vec<PathBuf> {
        &mut self.0[kind as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_kinds() {
        for (index, kind) in ListKind::all().enumerate() {
            assert_eq!(kind as usize, index, "{kind:?}");
        }
    }
}
