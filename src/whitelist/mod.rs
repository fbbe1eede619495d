//! Who is never greylisted: the administrator's lists of clients and recipients.
//!
//! Lists are parsed once into one immutable value; a lookup's cost does not
//! grow with the number of names, addresses and networks in them. Patterns are
//! Perl regular expressions and keep Perl's meaning, or are refused with a
//! warning: a line that silently meant something else would open the door.

pub mod advice;
mod clients;
mod complaints;
mod file;
mod names;
mod networks;
mod pattern;
mod recipients;
mod trusted;

use std::collections::HashMap;
use std::path::PathBuf;

pub use clients::Clients;
pub use complaints::Warning;
pub use file::{Origin, Text};
pub use pattern::{Letters, Pattern};
pub use recipients::Recipients;
pub use trusted::Trusted;

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

/// Reads the lists, as often as it is asked to.
#[derive(Debug)]
pub struct Reader {
    files: Files,
    known: HashMap<PathBuf, Vec<u8>>,
}

impl Reader {
    /// Will read these files.
    pub fn new(files: Files) -> Reader {
        Reader { files, known: HashMap::new() }
    }

    /// Reads all files. Never fails: broken lines and unreadable files become
    /// warnings, in the order in which the original would complain. A file
    /// that could be read before keeps its last content.
    pub fn read(&mut self) -> (Whitelists, Vec<Warning>) {
        let Reader { files, known } = self;
        let mut warnings = Vec::new();
        let texts = file::read(&files.clients, known, &mut warnings);
        let clients = Clients::parse(texts, &mut warnings);
        let texts = file::read(&files.recipients, known, &mut warnings);
        let recipients = Recipients::parse(texts, &mut warnings);
        (Whitelists { clients, recipients }, warnings)
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod reader_tests;
