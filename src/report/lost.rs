//! Lost mail, according to the database and the rest of the log.
//!
//! Keys are made like those of the daemon, whose settings are in the database.

use super::clients;
use crate::cli::DnsCheck;
use crate::daemon::{Failure, errno};
use crate::database::{Database, StateLocation};
use crate::greylist::{self, Client, LookupBy, Policy, triplet};
use crate::maillog::{LoggedDecision, Reject, reason, unquoted};
use crate::printable::printable_bytes;
use crate::state::local::FILE_NAME;
use crate::state::{self, ClientRecord, Table, TripletRecord};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::net::IpAddr;

/// The database of the original.
const OLD_FILE_NAME: &str = "postgrey.db";

const MAX_KNOWN: usize = 100_000;

/// Texts of records by table and key; `None` for missing records.
type Known = HashMap<(Table, Vec<u8>), Option<Vec<u8>>>;

pub struct DaemonState {
    database: Database,
    /// Records that were looked up before: mail is tried more than once.
    known: RefCell<Known>,
    policy: Policy,
    delay: i64,
}

impl DaemonState {
    /// Opens the state of a daemon. Without a delay in seconds, that of
    /// the daemon counts.
    pub fn open(location: &StateLocation, delay: Option<i64>) -> Result<DaemonState, Failure> {
        let directory = location.directory.as_path();
        let path = directory.join(FILE_NAME);
        let database = Database::open(location);
        let file = if database.is_ok() { Ok(()) } else { File::open(&path).map(drop) };
        if let (Err(error), None) = (file, &location.shared) {
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
        let database = database.map_err(unreadable)?;
        let policy = database.metadata().policy();
        let delay = delay.unwrap_or(policy.delay);
        Ok(DaemonState { database, known: RefCell::default(), policy, delay })
    }

    pub fn key(&self, attempt: &Reject<'_>) -> Vec<u8> {
        let Reject { sender, recipient, .. } = attempt;
        triplet::key(&self.policy, client_of(attempt), &unquoted(sender), &unquoted(recipient))
    }

    pub fn key_of_pass(&self, passed: &LoggedDecision<'_>) -> Vec<u8> {
        let client = Client { address: passed.client, name: passed.name };
        triplet::key(&self.policy, client, &passed.sender, &passed.recipient)
    }

    fn record(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let place = (table, key.to_vec());
        let mut known = self.known.borrow_mut();
        if let Some(record) = known.get(&place) {
            return Ok(record.clone());
        }
        let record = self.database.record(table, key).map_err(unreadable)?;
        if known.len() == MAX_KNOWN {
            known.clear();
        }
        known.insert(place, record.clone());
        Ok(record)
    }

    /// Returns true if the database has no attempt after the delay, and no other
    /// reason for which the mail should have passed.
    pub fn is_lost(&self, key: &[u8], attempt: &Reject<'_>) -> Result<bool, Failure> {
        let row = self.record(Table::Triplets, key)?;
        let seen = row.as_deref().and_then(TripletRecord::parse);
        if seen.is_some_and(|seen| seen.last.saturating_sub(seen.first) >= self.delay) {
            return Ok(false);
        }
        let Some(enough) = self.policy.auto_whitelist else {
            return Ok(true);
        };
        let sender = unquoted(attempt.sender);
        for key in greylist::awl_keys(&self.policy, client_of(attempt), &sender) {
            let row = self.record(Table::Clients, &key.bytes)?;
            let passes = row.as_deref().and_then(ClientRecord::parse);
            if passes.is_some_and(|passes| passes.count >= enough) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Prints what the database has of an attempt (`--debug_db`): for the
    /// client alone, and for its network as the daemon looks it up.
    pub fn show(&self, attempt: &Reject<'_>, out: &mut impl Write) -> io::Result<()> {
        let alone =
            Policy { lookup_by: LookupBy::Subnet { ipv4: 32, ipv6: 128 }, ..self.policy.clone() };
        let Reject { client, sender, recipient, .. } = attempt;
        let key = triplet::key(&alone, *client, &unquoted(sender), &unquoted(recipient));
        for key in [key, self.key(attempt)] {
            let row =
                self.database.record(Table::Triplets, &key).ok().flatten().unwrap_or_default();
            let waited =
                TripletRecord::parse(&row).map_or(0, |seen| seen.last.saturating_sub(seen.first));
            out.write_all(&printable_bytes(&key))?;
            out.write_all(b" : ")?;
            out.write_all(&printable_bytes(&row))?;
            writeln!(out, " = {waited}s ")?;
        }
        Ok(())
    }
}

fn client_of<'l>(attempt: &Reject<'l>) -> Client<'l> {
    Client { address: attempt.client, name: attempt.name }
}

fn unreadable(error: state::Error) -> Failure {
    Failure::new(format!("ERROR: {error}"))
}

/// A mail without a successful attempt. A log may have a million, so the value
/// is small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostMail {
    pub client: IpAddr,
    pub name: Box<[u8]>,
    pub sender: Box<[u8]>,
    /// The recipient, in lower case.
    pub recipient: Box<[u8]>,
    pub tries: u32,
    /// The time of the last deferral, as in the log.
    pub time: Box<[u8]>,
    /// The relation of the sender's domain to the client (`--check_sender`).
    pub check: Option<DnsCheck>,
}

impl LostMail {
    /// Escapes what would steer the terminal on which it is printed.
    pub fn make_printable(&mut self) {
        for text in [&mut self.name, &mut self.sender, &mut self.recipient, &mut self.time] {
            *text = printable_bytes(text).into();
        }
    }

    fn new(time: &[u8], attempt: &Reject<'_>) -> LostMail {
        LostMail {
            client: attempt.client,
            name: attempt.name.into(),
            sender: triplet::sender_part(attempt.sender).into(),
            recipient: attempt.recipient.to_ascii_lowercase().into(),
            tries: 1,
            time: time.into(),
            check: None,
        }
    }

    /// Returns the client's network in the report.
    pub fn network(&self) -> IpAddr {
        clients::network(self.client, &self.name)
    }

    fn place(&self) -> (IpAddr, &[u8], &[u8]) {
        (self.client, &self.sender, &self.recipient)
    }
}

/// The SHA-1 sum of a key, which is shorter than most.
type Sum = [u8; 20];

/// The mail lost so far: by the daemon's key, the clients that share it.
#[derive(Default)]
pub struct Lost(HashMap<Sum, Vec<LostMail>>);

impl Lost {
    /// Counts an attempt. Name and time are those of the last one.
    pub fn add(&mut self, key: &[u8], time: &[u8], attempt: &Reject<'_>) {
        let clients = self.0.entry(sum(key)).or_insert_with(|| Vec::with_capacity(1));
        match clients.iter_mut().find(|mail| mail.client == attempt.client) {
            Some(mail) => {
                mail.tries = mail.tries.saturating_add(1);
                mail.name = attempt.name.into();
                mail.time = time.into();
            }
            None => clients.push(LostMail::new(time, attempt)),
        }
    }

    pub fn forget(&mut self, key: &[u8]) {
        self.0.remove(&sum(key));
    }

    /// All mails by client, IPv4 first, then by sender and recipient.
    pub fn sorted(self) -> Vec<LostMail> {
        let mut all: Vec<LostMail> = self.0.into_values().flatten().collect();
        all.sort_unstable_by(|left, right| left.place().cmp(&right.place()));
        all
    }
}

fn sum(key: &[u8]) -> Sum {
    sha1_smol::Sha1::from(key).digest().bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(client: &str, sender: &'static str, name: &'static str) -> Reject<'static> {
        Reject {
            name: name.as_bytes(),
            client: client.parse().unwrap(),
            address: b"",
            code: b"450",
            sender: sender.as_bytes(),
            recipient: b"R@d.test",
        }
    }

    fn shown(lost: Lost) -> Vec<String> {
        let line = |it: &LostMail| {
            let [name, sender] = [&it.name, &it.sender].map(|it| String::from_utf8_lossy(it));
            format!("{} {} {name} {sender}", it.tries, it.client)
        };
        lost.sorted().iter().map(line).collect()
    }

    #[test]
    fn attempts_are_counted_and_the_last_one_is_remembered() {
        let mut lost = Lost::default();
        lost.add(b"key", b"now", &attempt("192.0.2.1", "A+x@b.test", "unknown"));
        lost.add(b"key", b"now", &attempt("192.0.2.2", "a@b.test", "other"));
        lost.add(b"key", b"now", &attempt("192.0.2.1", "a@b.test", "mx"));
        assert_eq!(shown(lost), ["2 192.0.2.1 mx a@b.test", "1 192.0.2.2 other a@b.test"]);
    }

    #[test]
    fn passed_mail_is_forgotten_for_all_clients_of_its_key() {
        let mut lost = Lost::default();
        lost.add(b"key", b"now", &attempt("192.0.2.1", "a@b.test", "mx"));
        lost.add(b"key", b"now", &attempt("192.0.2.2", "a@b.test", "mx"));
        lost.add(b"other", b"now", &attempt("192.0.2.1", "b@b.test", "mx"));
        lost.forget(b"key");
        lost.forget(b"unknown");
        lost.add(b"key", b"now", &attempt("192.0.2.2", "a@b.test", "mx"));
        assert_eq!(shown(lost), ["1 192.0.2.1 mx b@b.test", "1 192.0.2.2 mx a@b.test"]);
    }

    #[test]
    fn clients_come_by_number_and_ipv4_before_others() {
        let mut lost = Lost::default();
        for (client, sender) in [
            ("2001:db8::1", "a"),
            ("10.0.0.10", "a"),
            ("10.0.0.9", "b"),
            ("9.0.0.0", "c"),
            ("10.0.0.9", "a"),
        ] {
            lost.add(
                format!("{client}{sender}").as_bytes(),
                b"now",
                &attempt(client, sender, "mx"),
            );
        }
        let order = [
            "9.0.0.0 mx c",
            "10.0.0.9 mx a",
            "10.0.0.9 mx b",
            "10.0.0.10 mx a",
            "2001:db8::1 mx a",
        ];
        assert_eq!(shown(lost), order.map(|line| format!("1 {line}")));
    }
}
