//! The interface between the rules and the backend: the keys that an attempt
//! depends on, the records found, and the changes.

use super::record::{ClientRecord, Record, Table, TripletRecord};
use super::verdict::{AwlSubject, Notice, Verdict};
use super::{Client, Policy, client_domain, triplet};
use arrayvec::ArrayVec;

/// One attempt that no option and no list decides, with the keys of all records
/// that its decision depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    pub triplet: Vec<u8>,
    /// The keys on the auto-whitelist; none without an auto-whitelist.
    pub clients: ArrayVec<AwlKey, MAX_AWL_KEYS>,
    /// Seconds that new mail to this recipient waits: `--delay`, or its entry in the list of
    /// delays.
    pub recipient_delay: i64,
    /// The time of the attempt, in seconds since the epoch.
    pub now: i64,
}

/// One of the records of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    Triplet,
    /// That of one of [`Lookup::clients`].
    Client(usize),
}

impl Lookup {
    /// The records that a decision reads, in the order of [`Records`].
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        std::iter::once(Slot::Triplet).chain((0..self.clients.len()).map(Slot::Client))
    }

    /// The auto-whitelist's part of the lookup, with the records found.
    pub(super) fn clients_with(
        &self,
        records: &Records,
    ) -> impl Iterator<Item = (Slot, &AwlKey, Option<ClientRecord>)> {
        let clients = self.clients.iter().zip(records.clients).enumerate();
        clients.map(|(number, (key, record))| (Slot::Client(number), key, record))
    }

    /// The table and key of one of the records.
    pub fn key(&self, slot: Slot) -> (Table, &[u8]) {
        match slot {
            Slot::Triplet => (Table::Triplets, &self.triplet),
            Slot::Client(number) => (Table::Clients, &self.clients[number].bytes),
        }
    }
}

/// Records of the auto-whitelist that may count one attempt: the client's, and
/// that of its domain and the sender's.
pub const MAX_AWL_KEYS: usize = 2;

/// A record of the auto-whitelist: what it counts, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwlKey {
    pub subject: AwlSubject,
    pub bytes: Vec<u8>,
}

impl AwlSubject {
    pub fn key(self, policy: &Policy) -> AwlKey {
        let bytes = match &self {
            AwlSubject::Client(address) => triplet::client_key(policy, *address),
            AwlSubject::Domains { client, sender } => triplet::domains_key(policy, client, sender),
        };
        AwlKey { subject: self, bytes }
    }
}

/// The keys of the records that count an attempt, first the one that the
/// original has. Domains count only if client and sender both have one.
pub fn awl_keys(
    policy: &Policy,
    client: Client<'_>,
    sender: &[u8],
) -> ArrayVec<AwlKey, MAX_AWL_KEYS> {
    let mut keys = ArrayVec::new();
    if policy.auto_whitelist.is_none() {
        return keys;
    }
    keys.push(AwlSubject::Client(client.address).key(policy));
    let domain = policy.by_domain.auto_whitelist.then(|| client.domain()).flatten();
    if let (Some(client), Some(sender)) = (domain, client_domain::sender_domain(sender)) {
        keys.push(AwlSubject::Domains { client, sender }.key(policy));
    }
    keys
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Records {
    pub triplet: Option<TripletRecord>,
    /// The records of [`Lookup::clients`], in the same order.
    pub clients: [Option<ClientRecord>; MAX_AWL_KEYS],
}

impl Records {
    pub fn set(&mut self, slot: Slot, record: Option<Record>) {
        match slot {
            Slot::Triplet => self.triplet = record.and_then(Record::triplet),
            Slot::Client(number) => self.clients[number] = record.and_then(Record::client),
        }
    }
}

/// The moment by which a write has to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Before the reply, since a later decision depends on it; or as soon as
    /// `--sync` allows.
    BeforeReply,
    /// Within about a second: no later decision depends on it.
    Soon,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    pub slot: Slot,
    /// The record on which the decision was based.
    pub before: Option<Record>,
    pub after: Record,
    pub urgency: Urgency,
}

/// A verdict on one attempt, with the changes that it requires. It takes effect
/// only when the changes are durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub verdict: Verdict,
    pub writes: ArrayVec<Write, { MAX_AWL_KEYS + 1 }>,
    /// Events to log besides the verdict.
    pub notices: ArrayVec<Notice, MAX_AWL_KEYS>,
}

impl Decision {
    pub(super) fn new(verdict: Verdict) -> Decision {
        Decision { verdict, writes: ArrayVec::new(), notices: ArrayVec::new() }
    }
}
