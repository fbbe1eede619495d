//! The database as a command sees it: its rows, and the policy of the daemon
//! that wrote them.

use super::Error;
use crate::cli::admin::{Addresses, Clients, Filter};
use crate::daemon::clock;
use crate::greylist::{self, AwlSubject, ClientState, Policy, State, TripletState, key, triplet};
use crate::state::local::{Reader, Table};
use crate::state::{ClientRecord, TripletRecord};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;

/// An open database.
pub struct View {
    /// Its rows.
    pub reader: Reader,
    /// How its keys are made and what becomes of its entries.
    pub policy: Policy,
    /// The moment of the view, in seconds since the epoch.
    pub now: i64,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its whole key.
    pub key: Vec<u8>,
    /// Its numbers.
    pub row: Row,
}

/// The numbers of an entry, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// Of a triplet.
    Triplet(TripletRecord, TripletState),
    /// Of a client.
    Client(ClientRecord, ClientState),
}

impl Row {
    /// In one word.
    pub fn state(self) -> State {
        match self {
            Row::Triplet(_, fate) => fate.state(),
            Row::Client(_, fate) => fate.state(),
        }
    }

    /// When it was last seen, or a pass of it last counted.
    pub fn last(self) -> i64 {
        match self {
            Row::Triplet(seen, _) => seen.last,
            Row::Client(passes, _) => passes.last,
        }
    }
}

impl View {
    /// Opens the database in a directory.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(directory: &Path) -> Result<View, Error> {
        let reader = Reader::open(directory)?;
        let policy = greylist::policy(&reader.notes()?);
        Ok(View { reader, policy, now: clock::now() })
    }

    /// The triplet with a key.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn triplet(&self, key: &[u8]) -> Result<Option<Row>, Error> {
        Ok(self.reader.row(Table::Triplets, key)?.map(|row| self.row(Table::Triplets, &row)))
    }

    /// The row of the auto-whitelist that counts passes.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn passes(&self, counted: &AwlSubject) -> Result<Option<Row>, Error> {
        let key = counted.clone().key(&self.policy).bytes;
        Ok(self.reader.row(Table::Clients, &key)?.map(|row| self.row(Table::Clients, &row)))
    }

    /// Calls `take` with the entries that a filter lets through, in key order,
    /// until it has enough.
    ///
    /// # Errors
    /// Those of `take`; when the database cannot be read; when it hides what the
    /// filter asks for.
    pub fn select(
        &self,
        table: Table,
        filter: &Filter,
        mut take: impl FnMut(&[u8], Row) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let selection = Selection::new(&self.policy, table, filter)?;
        self.reader.walk(table, &selection.beginning, |key, text| {
            if !selection.has_key(key) {
                return Ok(ControlFlow::Continue(()));
            }
            let row = self.row(table, text);
            if filter.state.is_some_and(|state| state != row.state()) {
                return Ok(ControlFlow::Continue(()));
            }
            take(key, row)
        })
    }

    /// What a row says. One without numbers, which no daemon writes, is as old
    /// as the epoch.
    pub fn row(&self, table: Table, text: &[u8]) -> Row {
        match table {
            Table::Triplets => {
                let seen = TripletRecord::parse(text).unwrap_or_default();
                Row::Triplet(seen, greylist::fate(&self.policy, seen, self.now))
            }
            Table::Clients => {
                let passes = ClientRecord::parse(text).unwrap_or_default();
                Row::Client(passes, greylist::client_fate(&self.policy, passes, self.now))
            }
        }
    }
}

/// The keys that a filter lets through.
struct Selection<'f> {
    table: Table,
    filter: &'f Filter,
    /// The sender as it stands in keys.
    sender: Option<Addresses>,
    /// What they begin with.
    beginning: Vec<u8>,
    /// Whether they are nothing but that.
    is_whole: bool,
}

impl Selection<'_> {
    fn new<'f>(policy: &Policy, table: Table, filter: &'f Filter) -> Result<Selection<'f>, Error> {
        let Filter { client, network, sender, recipient, .. } = filter;
        let looks_into_keys = network.is_some()
            || sender.is_some()
            || recipient.is_some()
            || matches!(client, Some(Clients::Domain(_)))
            || client.is_some() && table == Table::Triplets;
        if policy.privacy && looks_into_keys {
            return Err(Error::Usage(
                "the keys of this database are hashes (--privacy): nobody can tell whose they are"
                    .to_owned(),
            ));
        }
        let beginning = match (client, table) {
            (None, _) => Vec::new(),
            (Some(Clients::Domain(domain)), _) => [domain, b"/".as_slice()].concat(),
            (Some(Clients::One(client)), Table::Triplets) => triplet::beginning(policy, *client),
            (Some(Clients::One(client)), Table::Clients) => triplet::client_key(policy, *client),
        };
        let is_whole = matches!(client, Some(Clients::One(_))) && table == Table::Clients;
        let sender = sender.clone().map(|sender| match sender {
            Addresses::One(sender) => Addresses::One(triplet::sender_part(&sender)),
            domain @ Addresses::Domain(_) => domain,
        });
        Ok(Selection { table, filter, sender, beginning, is_whole })
    }

    /// Whether a key with the right beginning is let through.
    fn has_key(&self, key: &[u8]) -> bool {
        let Selection { filter: Filter { network, recipient, .. }, sender, .. } = self;
        if self.is_whole && key.len() != self.beginning.len() {
            return false;
        }
        if network.is_none() && sender.is_none() && recipient.is_none() {
            return true;
        }
        let is_in_network = |client| {
            let address = || std::str::from_utf8(client).ok()?.parse::<IpAddr>().ok();
            network.is_none_or(|network| address().is_some_and(|it| network.contains(&it)))
        };
        match (self.table, key::parts(key)) {
            (Table::Clients, _) => {
                let has_sender =
                    |who: &Addresses| key::domains(key).is_some_and(|it| who.touch(it.1));
                is_in_network(key) && sender.as_ref().is_none_or(has_sender)
            }
            (Table::Triplets, None) => false,
            (Table::Triplets, Some(parts)) => {
                is_in_network(parts.client)
                    && sender.as_ref().is_none_or(|who| who.contain(parts.sender))
                    && recipient.as_ref().is_none_or(|who| who.contain(parts.recipient))
            }
        }
    }
}
