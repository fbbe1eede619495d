//! The database as a command sees it: its records, and the policy of the daemon
//! that wrote them.

use super::Error;
use crate::daemon::clock;
use crate::database::Database;
use crate::greylist::filter::Filter;
use crate::greylist::{self, AwlSubject, ClientState, Policy, State, TripletState};
use crate::state::{ClientRecord, Table, TripletRecord};
use std::ops::ControlFlow;

pub struct View {
    pub database: Database,
    /// The rules for its keys and entries.
    pub policy: Policy,
    /// The moment of the view, in seconds since the epoch.
    pub now: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: Vec<u8>,
    pub row: Row,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    Triplet(TripletRecord, TripletState),
    Client(ClientRecord, ClientState),
}

impl Row {
    pub fn table(self) -> Table {
        match self {
            Row::Triplet(..) => Table::Triplets,
            Row::Client(..) => Table::Clients,
        }
    }

    pub fn state(self) -> State {
        match self {
            Row::Triplet(_, state) => state.state(),
            Row::Client(_, state) => state.state(),
        }
    }

    /// Returns the time of its last attempt or counted pass.
    pub fn last(self) -> i64 {
        match self {
            Row::Triplet(record, _) => record.last,
            Row::Client(record, _) => record.last,
        }
    }
}

impl View {
    pub fn new(database: Database) -> View {
        let policy = database.metadata().policy();
        View { database, policy, now: clock::now() }
    }

    /// The triplet with a key.
    pub fn triplet(&self, key: &[u8]) -> Result<Option<Row>, Error> {
        let text = self.database.record(Table::Triplets, key)?;
        Ok(text.map(|text| self.row(Table::Triplets, &text)))
    }

    /// The record of the auto-whitelist that counts passes.
    pub fn passes(&self, counted: &AwlSubject) -> Result<Option<Row>, Error> {
        let key = counted.clone().key(&self.policy).bytes;
        let text = self.database.record(Table::Clients, &key)?;
        Ok(text.map(|text| self.row(Table::Clients, &text)))
    }

    /// Calls `take` with all entries of a table that a filter lets through, in key order.
    ///
    /// # Errors
    /// As [`View::select`].
    pub fn for_each(
        &self,
        table: Table,
        filter: &Filter,
        mut take: impl FnMut(Entry) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.select(table, filter, |entry| take(entry).map(ControlFlow::Continue))
    }

    /// Does the same until `take` has enough.
    ///
    /// # Errors
    /// Those of `take`; when the database cannot be read; when it hides what the
    /// filter asks for.
    pub fn select(
        &self,
        table: Table,
        filter: &Filter,
        mut take: impl FnMut(Entry) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        greylist::Selection::new(&self.policy, table, filter).map_err(Error::Usage)?;
        self.database.scan(table, filter, |key, text| {
            take(Entry { key: key.to_vec(), row: self.row(table, text) })
        })
    }

    /// Parses a record. A record without numbers, which no daemon writes, has the
    /// time of the epoch.
    pub fn row(&self, table: Table, text: &[u8]) -> Row {
        match table {
            Table::Triplets => {
                let record = TripletRecord::parse(text).unwrap_or_default();
                Row::Triplet(record, greylist::triplet_state(&self.policy, record, self.now))
            }
            Table::Clients => {
                let record = ClientRecord::parse(text).unwrap_or_default();
                Row::Client(record, greylist::client_state(&self.policy, record, self.now))
            }
        }
    }
}
