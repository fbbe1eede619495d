//! The administrator's lists of clients, senders and recipients: who is never
//! greylisted, who is refused, and for whom there is greylisting at all.
//!
//! Lists are parsed once into one immutable value; a lookup's cost does not
//! grow with the number of names, addresses and networks in them. Patterns are
//! Perl regular expressions and keep Perl's meaning, or are refused with a
//! warning: a line that silently meant something else would open the door.

mod addresses;
mod clients;
mod delays;
mod diagnostics;
mod dropins;
mod file;
mod location;
mod names;
mod networks;
mod pattern;
mod rules;
mod trusted;

use std::path::PathBuf;
use std::time::SystemTime;

pub use addresses::Addresses;
pub use clients::Clients;
pub use delays::Delays;
pub use diagnostics::Warning;
pub use file::{Text, read_files, read_line, rule_of, trim};
pub use location::Location;
pub use networks::Network;
pub use pattern::{Letters, Pattern, of_rule as pattern_of};
pub use trusted::Trusted;

/// The files that hold the lists; their order is that of the rules. Behind each
/// FILE come the files `FILE.d/*.conf`, in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Lists of clients (`--whitelist-clients`).
    pub clients: Vec<PathBuf>,
    /// Lists of recipients (`--whitelist-recipients`).
    pub recipients: Vec<PathBuf>,
    /// Lists of senders (`--whitelist-senders`).
    pub senders: Vec<PathBuf>,
    /// Lists of clients to refuse (`--blacklist-clients`).
    pub blacklisted_clients: Vec<PathBuf>,
    /// Lists of senders to refuse (`--blacklist-senders`).
    pub blacklisted_senders: Vec<PathBuf>,
    /// Lists of recipients to refuse (`--blacklist-recipients`).
    pub blacklisted_recipients: Vec<PathBuf>,
    /// Lists of the only recipients who are greylisted
    /// (`--greylist-recipients`); without any, all are.
    pub greylisted_recipients: Vec<PathBuf>,
    /// Lists of recipients with a delay of their own (`--recipient-delays`).
    pub delays: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// Clients, by name, address or network (BEHAVIOUR F2-F4).
    Clients,
    /// Mail addresses, be it of recipients or of senders (BEHAVIOUR F5).
    Addresses,
    Delays,
}

impl Files {
    /// All files that are read: those of each kind of list, each before those in
    /// the directory beside it.
    #[must_use]
    pub fn all(&self) -> Vec<PathBuf> {
        self.by_option().into_iter().flat_map(|(.., files)| file::all(files)).collect()
    }

    /// Each kind of list: its option without dashes, its syntax and its files.
    pub fn by_option(&self) -> [(&'static str, Syntax, &[PathBuf]); 8] {
        [
            ("whitelist-clients", Syntax::Clients, &self.clients),
            ("whitelist-recipients", Syntax::Addresses, &self.recipients),
            ("whitelist-senders", Syntax::Addresses, &self.senders),
            ("blacklist-clients", Syntax::Clients, &self.blacklisted_clients),
            ("blacklist-senders", Syntax::Addresses, &self.blacklisted_senders),
            ("blacklist-recipients", Syntax::Addresses, &self.blacklisted_recipients),
            ("greylist-recipients", Syntax::Addresses, &self.greylisted_recipients),
            ("recipient-delays", Syntax::Delays, &self.delays),
        ]
    }
}

impl Default for Files {
    /// The default paths, the shipped list before the site's own (BEHAVIOUR F1).
    fn default() -> Self {
        let in_etc = |name: &str| PathBuf::from("/etc/postgrey").join(name);
        Files {
            clients: vec![in_etc("whitelist_clients"), in_etc("whitelist_clients.local")],
            recipients: vec![in_etc("whitelist_recipients"), in_etc("whitelist_recipients.local")],
            senders: Vec::new(),
            blacklisted_clients: Vec::new(),
            blacklisted_senders: Vec::new(),
            blacklisted_recipients: Vec::new(),
            greylisted_recipients: Vec::new(),
            delays: Vec::new(),
        }
    }
}

/// All lists. The default value matches nothing.
#[derive(Debug, Default)]
pub struct Whitelists {
    pub clients: Clients,
    pub recipients: Addresses,
    pub senders: Addresses,
    pub blacklists: Blacklists,
    /// The only recipients who are greylisted; none if all are.
    pub greylisted: Option<Addresses>,
    pub delays: Delays,
    /// When the newest file of each kind of list was changed, in the order of
    /// [`Files::by_option`].
    pub changed: [Option<SystemTime>; 8],
}

impl Whitelists {
    /// How many rules each kind of list has, in the order of [`Files::by_option`].
    pub fn sizes(&self) -> [usize; 8] {
        let Whitelists { clients, recipients, senders, blacklists, greylisted, delays, .. } = self;
        [
            clients.len(),
            recipients.len(),
            senders.len(),
            blacklists.clients.len(),
            blacklists.senders.len(),
            blacklists.recipients.len(),
            greylisted.as_ref().map_or(0, Addresses::len),
            delays.len(),
        ]
    }
}

#[derive(Debug, Default)]
pub struct Blacklists {
    pub clients: Clients,
    pub senders: Addresses,
    pub recipients: Addresses,
}

/// Reads the lists, as often as it is asked to.
#[derive(Debug)]
pub struct Reader {
    files: Files,
    known: file::Known,
}

impl Reader {
    pub fn new(files: Files) -> Reader {
        Reader { files, known: file::Known::new() }
    }

    /// Reads ahead the files that only root can have put where they are: they
    /// count even if the daemon's user, who reads them next, cannot.
    pub fn read_ahead(&mut self) {
        for file in self.files.all() {
            file::read_ahead(&file, &mut self.known);
        }
    }

    /// Reads all files. Never fails: broken lines and unreadable files become
    /// warnings, in the order in which the original would complain. A file
    /// that could be read before keeps its last content.
    pub fn read(&mut self) -> (Whitelists, Vec<Warning>) {
        let Reader { files, known } = self;
        let mut warnings = Vec::new();
        let mut clients = |files| {
            let texts = file::read(files, known, &mut warnings);
            Clients::parse(texts, &mut warnings)
        };
        let whitelisted = clients(&files.clients);
        let refused = clients(&files.blacklisted_clients);
        let mut addresses = |files| {
            let texts = file::read(files, known, &mut warnings);
            Addresses::parse(texts, &mut warnings)
        };
        let lists = Whitelists {
            clients: whitelisted,
            recipients: addresses(&files.recipients),
            senders: addresses(&files.senders),
            blacklists: Blacklists {
                clients: refused,
                senders: addresses(&files.blacklisted_senders),
                recipients: addresses(&files.blacklisted_recipients),
            },
            greylisted: (!files.greylisted_recipients.is_empty())
                .then(|| addresses(&files.greylisted_recipients)),
            delays: {
                let texts = file::read(&files.delays, known, &mut warnings);
                Delays::parse(texts, &mut warnings)
            },
            changed: files.by_option().map(|(_, _, files)| file::newest_change(files)),
        };
        (lists, warnings)
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod reader_tests;

#[cfg(test)]
#[path = "dropins_tests.rs"]
mod dropins_tests;
