//! Which mail is lost, by the database and by the rest of the log.
//!
//! The keys are made as the daemon makes them, which it noted in the database,
//! so that no mail is looked for in the wrong place.

use super::clients;
use super::input::reason;
use super::maillog::{Attempt, Passed, unquoted};
use crate::cli::Check;
use crate::daemon::{Failure, errno};
use crate::greylist::{self, Lookup, Policy, triplet};
use crate::store::lmdb::{FILE_NAME, Reader, Table};
use crate::store::{self, Passes, Seen};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;

/// The database of the original.
const OLD_FILE_NAME: &str = "postgrey.db";

/// Knows from the database what became of mail.
pub struct Judge {
    reader: Reader,
    policy: Policy,
    delay: i64,
}

impl Judge {
    /// Opens the database in a directory. Without a delay in seconds, that of
    /// the daemon counts.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(directory: &Path, delay: Option<i64>) -> Result<Judge, Failure> {
        let path = directory.join(FILE_NAME);
        if let Err(error) = File::open(&path) {
            let old = directory.join(OLD_FILE_NAME);
            let what = format!("ERROR: can't find database {}: {}", path.display(), reason(&error));
            let is_old = error.kind() == io::ErrorKind::NotFound && old.exists();
            let message = if is_old {
                format!(
                    "{what}\n{} is a database of postgrey 1; start the daemon once, which takes \
                     it over, or run \"postgrey import\"",
                    old.display()
                )
            } else {
                what
            };
            return Err(Failure::system(message, errno(&error)));
        }
        let reader = Reader::open(directory).map_err(unreadable)?;
        let policy = greylist::policy(&reader.notes().map_err(unreadable)?);
        let delay = delay.unwrap_or(policy.delay);
        Ok(Judge { reader, policy, delay })
    }

    /// The daemon's key of an attempt.
    pub fn key(&self, attempt: &Attempt<'_>) -> Vec<u8> {
        let Attempt { client, sender, recipient, .. } = attempt;
        triplet::key(&self.policy, *client, &unquoted(sender), &unquoted(recipient))
    }

    /// The daemon's key of mail that passed.
    pub fn key_of_pass(&self, passed: &Passed<'_>) -> Vec<u8> {
        triplet::key(&self.policy, passed.client, passed.sender, passed.recipient)
    }

    /// Whether the database knows of no attempt after the delay, and of no
    /// other reason why the mail should have passed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn is_lost(&self, key: &[u8], client: IpAddr) -> Result<bool, Failure> {
        let row = self.reader.row(Table::Triplets, key).map_err(unreadable)?;
        let seen = row.as_deref().and_then(Seen::parse);
        if seen.is_some_and(|seen| seen.last.saturating_sub(seen.first) >= self.delay) {
            return Ok(false);
        }
        let Some(enough) = self.policy.auto_whitelist else {
            return Ok(true);
        };
        let key = triplet::client_key(&self.policy, client);
        let row = self.reader.row(Table::Clients, &key).map_err(unreadable)?;
        let passes = row.as_deref().and_then(Passes::parse);
        Ok(passes.is_none_or(|passes| passes.count < enough))
    }

    /// Prints what the database has of an attempt (`--debug_db`): for the
    /// client alone, and for its network as the daemon looks it up.
    ///
    /// # Errors
    /// When the output cannot be written; what cannot be read is shown as
    /// missing.
    pub fn show(&self, attempt: &Attempt<'_>, out: &mut impl Write) -> io::Result<()> {
        let alone =
            Policy { lookup: Lookup::Subnet { ipv4: 32, ipv6: 128 }, ..self.policy.clone() };
        let Attempt { client, sender, recipient, .. } = attempt;
        let key = triplet::key(&alone, *client, &unquoted(sender), &unquoted(recipient));
        for key in [key, self.key(attempt)] {
            let row = self.reader.row(Table::Triplets, &key).ok().flatten().unwrap_or_default();
            let waited = Seen::parse(&row).map_or(0, |seen| seen.last.saturating_sub(seen.first));
            out.write_all(&key)?;
            out.write_all(b" : ")?;
            out.write_all(&row)?;
            writeln!(out, " = {waited}s ")?;
        }
        Ok(())
    }
}

fn unreadable(error: store::Error) -> Failure {
    Failure::new(format!("ERROR: {error}"))
}

/// A triplet of which no mail came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Triplet {
    /// The client's address.
    pub client: IpAddr,
    /// The same as the log spells it, in lower case.
    pub address: Vec<u8>,
    /// The client's name in its last attempt.
    pub name: Vec<u8>,
    /// The network that the report takes it to be in.
    pub network: IpAddr,
    /// The sender as it stands in keys.
    pub sender: Vec<u8>,
    /// The recipient, in lower case.
    pub recipient: Vec<u8>,
    /// How often it was deferred.
    pub tries: u64,
    /// When it was last deferred, in the words of the log.
    pub time: Vec<u8>,
    /// What the sender's domain says of the client (`--check_sender`).
    pub check: Option<Check>,
}

impl Triplet {
    /// Where it stands in a report.
    fn place(&self) -> (IpAddr, &[u8], &[u8]) {
        (self.client, &self.sender, &self.recipient)
    }
}

/// What was lost so far: by the daemon's key, the clients that share it.
#[derive(Default)]
pub struct Lost(HashMap<Vec<u8>, Vec<Triplet>>);

impl Lost {
    /// Counts an attempt. Name and time are those of the last one.
    pub fn add(&mut self, key: Vec<u8>, attempt: &Attempt<'_>) {
        let clients = self.0.entry(key).or_default();
        let index = clients.iter().position(|it| it.client == attempt.client);
        let index = index.unwrap_or_else(|| {
            clients.push(Triplet {
                client: attempt.client,
                address: attempt.address.to_ascii_lowercase(),
                name: Vec::new(),
                network: attempt.client,
                sender: triplet::sender_part(attempt.sender),
                recipient: attempt.recipient.to_ascii_lowercase(),
                tries: 0,
                time: Vec::new(),
                check: None,
            });
            clients.len() - 1
        });
        let triplet = &mut clients[index];
        triplet.tries += 1;
        triplet.name = attempt.name.to_vec();
        triplet.network = clients::network(attempt.client, attempt.name);
        triplet.time = attempt.time.to_vec();
    }

    /// Mail of a key passed after all.
    pub fn forget(&mut self, key: &[u8]) {
        self.0.remove(key);
    }

    /// All triplets by client, IPv4 first, then by sender and recipient.
    pub fn sorted(self) -> Vec<Triplet> {
        let mut all: Vec<Triplet> = self.0.into_values().flatten().collect();
        all.sort_unstable_by(|left, right| left.place().cmp(&right.place()));
        all
    }
}
