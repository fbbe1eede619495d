//! Who is never greylisted: the administrator's lists of clients and recipients.
//!
//! Lists are parsed once into one immutable value; a lookup's cost does not
//! grow with the number of names, addresses and networks in them. Patterns are
//! Perl regular expressions and keep Perl's meaning, or are refused with a
//! warning: a line that silently meant something else would open the door.

mod clients;
mod file;
mod names;
mod networks;
mod pattern;
mod recipients;

use std::path::PathBuf;

pub use clients::Clients;
pub use file::{Origin, Text, Warning};
pub use recipients::Recipients;

/// The files that hold the lists; their order is that of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Lists of clients (`--whitelist-clients`).
    pub clients: Vec<PathBuf>,
    /// Lists of recipients (`--whitelist-recipients`).
    pub recipients: Vec<PathBuf>,
}

impl Default for Files {
    /// The default paths, the shipped list before the site's own (BEHAVIOUR F1).
    fn default() -> Self {
        let in_etc = |name: &str| PathBuf::from("/etc/postgrey").join(name);
        Files {
            clients: vec![in_etc("whitelist_clients"), in_etc("whitelist_clients.local")],
            recipients: vec![in_etc("whitelist_recipients"), in_etc("whitelist_recipients.local")],
        }
    }
}

/// All lists. The default value matches nothing.
#[derive(Debug, Default)]
pub struct Whitelists {
    /// Rules on the client's name and address.
    pub clients: Clients,
    /// Rules on the recipient's address.
    pub recipients: Recipients,
}

impl Whitelists {
    /// Reads all files. Never fails: broken lines and unreadable files become
    /// warnings, in the order in which the original would complain.
    pub fn read(files: &Files) -> (Whitelists, Vec<Warning>) {
        let mut warnings = Vec::new();
        let clients = Clients::parse(file::read(&files.clients, &mut warnings), &mut warnings);
        let recipients =
            Recipients::parse(file::read(&files.recipients, &mut warnings), &mut warnings);
        (Whitelists { clients, recipients }, warnings)
    }
}
