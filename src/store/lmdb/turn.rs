//! One turn of the loop: reads, then writes that become durable together.

use super::Tables;
use super::open::{explain_read, explain_write};
use super::rows::{put, stored_key};
use super::walk::Walk;
use crate::store::waiting::Waiting;
use crate::store::{Error, Passes, Seen, Table, Transaction, Urgency};
use lmdb::{Environment, RoTransaction, RwTransaction, Transaction as _};
use std::collections::HashSet;
use std::path::Path;

/// One turn of the loop: a view of the database and, from the first write on,
/// a transaction. Dropped without [`Turn::commit`], its writes are undone.
///
/// The first failure ends the transaction: all later writes of the turn, and
/// its commit, fail with it.
pub struct Turn<'store> {
    environment: &'store Environment,
    tables: Tables,
    waiting: &'store mut Waiting,
    walk: &'store mut Walk,
    path: &'store Path,
    reader: Option<RoTransaction<'store>>,
    writer: Option<RwTransaction<'store>>,
    uncommitted: [HashSet<Vec<u8>>; 2],
    is_unsettled: bool,
    failure: Option<Error>,
}

impl<'store> Turn<'store> {
    /// Begins a turn, which fails from the start with a `failure`.
    pub(super) fn new(
        environment: &'store Environment,
        tables: Tables,
        waiting: &'store mut Waiting,
        walk: &'store mut Walk,
        path: &'store Path,
        failure: Option<Error>,
    ) -> Turn<'store> {
        Turn {
            environment,
            tables,
            waiting,
            walk,
            path,
            reader: None,
            writer: None,
            uncommitted: Default::default(),
            is_unsettled: false,
            failure,
        }
    }

    /// Whether what was read or written since the last call is only true once
    /// the turn is committed, so that nobody may be told before.
    pub fn take_unsettled(&mut self) -> bool {
        std::mem::take(&mut self.is_unsettled)
    }

    /// Makes the turn's writes durable, and the waiting rows with them; rows
    /// that were found too old go. Without any write it does nothing.
    ///
    /// # Errors
    /// When the disk does not take it: none of the turn's writes are kept, and
    /// the waiting rows go on waiting.
    pub fn commit(mut self) -> Result<(), Error> {
        let result = self.try_commit();
        if result.is_err() {
            self.waiting.postpone();
            self.walk.forget();
        }
        result
    }

    fn try_commit(&mut self) -> Result<(), Error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let Some(mut writer) = self.writer.take() else {
            return Ok(());
        };
        let explain = |error| explain_write(self.path, error);
        let has_newer = |table, key: &[u8]| {
            self.is_uncommitted(table, key) || self.waiting.get(table, key).is_some()
        };
        let deleted = self.walk.delete(&mut writer, self.tables, has_newer).map_err(explain)?;
        for (table, key, row) in self.waiting.iter() {
            // A row that waited is older than one of this turn.
            if !self.is_uncommitted(table, key) {
                put(&mut writer, self.tables.database(table), key, row).map_err(explain)?;
            }
        }
        writer.commit().map_err(explain)?;
        self.waiting.clear();
        self.walk.note(&deleted);
        Ok(())
    }

    pub(super) fn writer(&mut self) -> Result<&mut RwTransaction<'store>, Error> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.writer.is_none() {
            // A reader of the same age would keep pages from being used again.
            self.reader = None;
            match self.environment.begin_rw_txn() {
                Ok(writer) => self.writer = Some(writer),
                Err(error) => return Err(self.fail(error)),
            }
        }
        Ok(self.writer.as_mut().expect("begun above"))
    }

    pub(super) fn fail(&mut self, error: lmdb::Error) -> Error {
        self.writer = None;
        self.failure.insert(explain_write(self.path, error)).clone()
    }

    /// A row as the turn's requests see it.
    fn row<T>(
        &mut self,
        table: Table,
        key: &[u8],
        parse: fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        if self.is_uncommitted(table, key) {
            self.is_unsettled = true;
        } else if let Some(row) = self.waiting.get(table, key) {
            return Ok(parse(row.as_bytes()));
        }
        Ok(self.stored_row(table, key)?.and_then(parse))
    }

    fn stored_row(&mut self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, Error> {
        let (database, path) = (self.tables.database(table), self.path);
        let key = stored_key(key);
        let row = if let Some(writer) = &self.writer {
            writer.get(database, &key.as_ref())
        } else {
            if self.reader.is_none() {
                let reader = self.environment.begin_ro_txn();
                self.reader = Some(reader.map_err(|error| explain_read(path, error))?);
            }
            self.reader.as_ref().expect("begun above").get(database, &key.as_ref())
        };
        match row {
            Ok(row) => Ok(Some(row)),
            Err(lmdb::Error::NotFound) => Ok(None),
            Err(error) => Err(explain_read(path, error)),
        }
    }

    fn put(
        &mut self,
        table: Table,
        key: &[u8],
        row: String,
        urgency: Urgency,
    ) -> Result<(), Error> {
        let may_wait = urgency == Urgency::Soon || self.waiting.takes_news();
        if may_wait && !self.is_uncommitted(table, key) {
            self.waiting.put(table, key, row);
            return Ok(());
        }
        let database = self.tables.database(table);
        let result = put(self.writer()?, database, key, &row);
        result.map_err(|error| self.fail(error))?;
        self.uncommitted[table as usize].insert(key.to_vec());
        self.is_unsettled = true;
        Ok(())
    }

    fn is_uncommitted(&self, table: Table, key: &[u8]) -> bool {
        self.uncommitted[table as usize].contains(key)
    }
}

impl Transaction for Turn<'_> {
    fn triplet(&mut self, key: &[u8]) -> Result<Option<Seen>, Error> {
        self.row(Table::Triplets, key, Seen::parse)
    }

    fn put_triplet(&mut self, key: &[u8], seen: Seen, urgency: Urgency) -> Result<(), Error> {
        self.put(Table::Triplets, key, seen.text(), urgency)
    }

    fn client(&mut self, key: &[u8]) -> Result<Option<Passes>, Error> {
        self.row(Table::Clients, key, Passes::parse)
    }

    fn put_client(&mut self, key: &[u8], passes: Passes) -> Result<(), Error> {
        self.put(Table::Clients, key, passes.text(), Urgency::BeforeReply)
    }
}
