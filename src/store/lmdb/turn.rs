//! One turn of the loop: reads, then writes that become durable together.

use super::open::{explain_read, explain_write};
use super::rows::{put, stored_key};
use super::{Table, Tables};
use crate::store::refreshes::Refreshes;
use crate::store::{Error, Passes, Seen, Transaction, Urgency};
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
    refreshes: &'store mut Refreshes,
    path: &'store Path,
    reader: Option<RoTransaction<'store>>,
    writer: Option<RwTransaction<'store>>,
    uncommitted: HashSet<(Table, Vec<u8>)>,
    is_unsettled: bool,
    failure: Option<Error>,
}

impl<'store> Turn<'store> {
    /// Begins a turn, which fails from the start with a `failure`.
    pub(super) fn new(
        environment: &'store Environment,
        tables: Tables,
        refreshes: &'store mut Refreshes,
        path: &'store Path,
        failure: Option<Error>,
    ) -> Turn<'store> {
        Turn {
            environment,
            tables,
            refreshes,
            path,
            reader: None,
            writer: None,
            uncommitted: HashSet::new(),
            is_unsettled: false,
            failure,
        }
    }

    /// Whether what was read or written since the last call is only true once
    /// the turn is committed, so that nobody may be told before.
    pub fn take_unsettled(&mut self) -> bool {
        std::mem::take(&mut self.is_unsettled)
    }

    /// Makes the turn's writes durable, and the waiting rows with them.
    /// Without any write it does nothing.
    ///
    /// # Errors
    /// When the disk does not take them: none of the turn's writes are kept,
    /// and the waiting rows go on waiting.
    pub fn commit(mut self) -> Result<(), Error> {
        let result = self.try_commit();
        if result.is_err() {
            self.refreshes.postpone();
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
        for (key, seen) in self.refreshes.iter() {
            put(&mut writer, self.tables.triplets, key, &seen.text()).map_err(explain)?;
        }
        writer.commit().map_err(explain)?;
        self.refreshes.clear();
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

    fn fail(&mut self, error: lmdb::Error) -> Error {
        self.writer = None;
        self.failure.insert(explain_write(self.path, error)).clone()
    }

    fn row(&mut self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, Error> {
        self.is_unsettled |= self.is_uncommitted(table, key);
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

    fn put_row(&mut self, table: Table, key: &[u8], text: &str) -> Result<(), Error> {
        let database = self.tables.database(table);
        let result = put(self.writer()?, database, key, text);
        result.map_err(|error| self.fail(error))?;
        self.uncommitted.insert((table, key.to_vec()));
        self.is_unsettled = true;
        Ok(())
    }

    fn is_uncommitted(&self, table: Table, key: &[u8]) -> bool {
        !self.uncommitted.is_empty() && self.uncommitted.contains(&(table, key.to_vec()))
    }
}

impl Transaction for Turn<'_> {
    fn triplet(&mut self, key: &[u8]) -> Result<Option<Seen>, Error> {
        if let Some(seen) = self.refreshes.get(key) {
            return Ok(Some(seen));
        }
        Ok(self.row(Table::Triplets, key)?.and_then(Seen::parse))
    }

    fn put_triplet(&mut self, key: &[u8], seen: Seen, urgency: Urgency) -> Result<(), Error> {
        if urgency == Urgency::Soon && !self.is_uncommitted(Table::Triplets, key) {
            self.refreshes.put(key, seen);
            return Ok(());
        }
        self.put_row(Table::Triplets, key, &seen.text())?;
        self.refreshes.remove(key);
        Ok(())
    }

    fn client(&mut self, key: &[u8]) -> Result<Option<Passes>, Error> {
        Ok(self.row(Table::Clients, key)?.and_then(Passes::parse))
    }

    fn put_client(&mut self, key: &[u8], passes: Passes) -> Result<(), Error> {
        self.put_row(Table::Clients, key, &passes.text())
    }
}
