//! One turn of the loop: reads, then writes that become durable together.

use super::expiry::ExpiryScan;
use super::open::{explain_read, explain_write};
use super::rows::{put, stored_key};
use super::{Failure, File, Tables};
use crate::state::local::write_behind::{Place, WriteBehind};
use crate::state::{ClientRecord, Error, Table, Transaction, TripletRecord, Urgency};
use lmdb::{RoTransaction, RwTransaction, Transaction as _};
use std::collections::HashSet;
use std::mem;
use std::path::Path;
use std::time::Instant;

/// One turn of the loop: a view of the database and, from the first write on,
/// a transaction. Dropped without [`Turn::commit`], its writes are undone.
///
/// The first failure ends the transaction: whatever the turn does later fails
/// with it, the commit above all.
pub struct Turn<'store> {
    file: Option<&'store File>,
    failure: &'store mut Option<Failure>,
    waiting: &'store mut WriteBehind,
    walk: &'store mut ExpiryScan,
    path: &'store Path,
    reader: Option<RoTransaction<'store>>,
    writer: Option<RwTransaction<'store>>,
    uncommitted: [HashSet<Vec<u8>>; 2],
    is_unsettled: bool,
}

impl<'store> Turn<'store> {
    /// Begins a turn, which fails from the start if there is a `failure`.
    pub(super) fn new(
        file: Option<&'store File>,
        failure: &'store mut Option<Failure>,
        waiting: &'store mut WriteBehind,
        walk: &'store mut ExpiryScan,
        path: &'store Path,
    ) -> Turn<'store> {
        Turn {
            file,
            failure,
            waiting,
            walk,
            path,
            reader: None,
            writer: None,
            uncommitted: Default::default(),
            is_unsettled: false,
        }
    }

    /// Whether what was read or written since the last call is only true once
    /// the turn is committed, so that nobody may be told before.
    pub fn take_unsettled(&mut self) -> bool {
        mem::take(&mut self.is_unsettled)
    }

    /// Makes the turn's writes durable, and with them a share of the waiting rows
    /// whose time has come; rows that were found too old go. Gives whether there
    /// was any write; without one it does nothing.
    ///
    /// # Errors
    /// When the disk does not take it: none of the turn's writes are kept, and
    /// the waiting rows go on waiting.
    pub fn commit(mut self) -> Result<bool, Error> {
        let result = self.try_commit();
        if result.is_err() {
            self.waiting.postpone();
            self.walk.forget();
        }
        result
    }

    fn try_commit(&mut self) -> Result<bool, Error> {
        let file = self.file()?;
        let Some(writer) = self.writer.take() else {
            return Ok(false);
        };
        let begin = Instant::now();
        let share = self.waiting.share(begin);
        let deleted = self.write(writer, file.tables, &share);
        let deleted = deleted.map_err(|error| self.fail(explain_write(self.path, error)))?;
        self.overtake_waiting();
        self.waiting.written(share, Instant::now());
        self.walk.note(&deleted, begin.elapsed());
        Ok(true)
    }

    /// Forgets waiting rows that are older than what the turn has written.
    fn overtake_waiting(&mut self) {
        for (table, keys) in Table::ALL.into_iter().zip(mem::take(&mut self.uncommitted)) {
            for key in keys {
                self.waiting.remove(table, &key);
            }
        }
    }

    /// Writes a share of what waits beside the turn's own rows. Gives what was
    /// deleted.
    fn write(
        &self,
        mut writer: RwTransaction<'_>,
        tables: Tables,
        share: &[Place],
    ) -> Result<Vec<Table>, lmdb::Error> {
        let has_newer = |table, key: &[u8]| {
            self.is_uncommitted(table, key) || self.waiting.get(table, key).is_some()
        };
        let deleted = self.walk.delete(&mut writer, tables, has_newer)?;
        for (table, key) in share {
            // A row that waited is older than one of this turn.
            let is_newest = !self.is_uncommitted(*table, key);
            if let Some(row) = self.waiting.get(*table, key).filter(|_| is_newest) {
                put(&mut writer, tables.database(*table), key, row)?;
            }
        }
        writer.commit()?;
        Ok(deleted)
    }

    /// The file, while nothing has failed.
    fn file(&self) -> Result<&'store File, Error> {
        match &*self.failure {
            Some(failure) => Err(failure.error.clone()),
            None => Ok(self.file.expect("a file that failed to open is a failure")),
        }
    }

    pub(super) fn writer(&mut self) -> Result<&mut RwTransaction<'store>, Error> {
        let file = self.file()?;
        if self.writer.is_none() {
            // A reader of the same age would keep pages from being used again.
            self.reader = None;
            match file.environment.begin_rw_txn() {
                Ok(writer) => self.writer = Some(writer),
                Err(error) => return Err(self.fail(explain_write(self.path, error))),
            }
        }
        Ok(self.writer.as_mut().expect("begun above"))
    }

    pub(super) fn fail(&mut self, error: Error) -> Error {
        self.writer = None;
        self.reader = None;
        self.failure.insert(Failure::new(error)).error.clone()
    }

    /// What `parse` makes of a row as the turn's requests see it, if there is one.
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
        let file = self.file()?;
        if self.writer.is_none() && self.reader.is_none() {
            match file.environment.begin_ro_txn() {
                Ok(reader) => self.reader = Some(reader),
                Err(error) => return Err(self.fail(explain_read(self.path, error))),
            }
        }
        let (database, key) = (file.tables.database(table), stored_key(key));
        let row = match (&self.writer, &self.reader) {
            (Some(writer), _) => writer.get(database, &key),
            (None, reader) => reader.as_ref().expect("begun above").get(database, &key),
        };
        match row {
            Ok(row) => Ok(parse(row)),
            Err(lmdb::Error::NotFound) => Ok(None),
            Err(error) => Err(self.fail(explain_read(self.path, error))),
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
        let database = self.file()?.tables.database(table);
        let result = put(self.writer()?, database, key, &row);
        result.map_err(|error| self.fail(explain_write(self.path, error)))?;
        self.uncommitted[table as usize].insert(key.to_vec());
        self.is_unsettled = true;
        Ok(())
    }

    fn is_uncommitted(&self, table: Table, key: &[u8]) -> bool {
        self.uncommitted[table as usize].contains(key)
    }
}

impl Transaction for Turn<'_> {
    fn triplet(&mut self, key: &[u8]) -> Result<Option<TripletRecord>, Error> {
        self.row(Table::Triplets, key, TripletRecord::parse)
    }

    fn put_triplet(
        &mut self,
        key: &[u8],
        seen: TripletRecord,
        urgency: Urgency,
    ) -> Result<(), Error> {
        self.put(Table::Triplets, key, seen.text(), urgency)
    }

    fn client(&mut self, key: &[u8]) -> Result<Option<ClientRecord>, Error> {
        self.row(Table::Clients, key, ClientRecord::parse)
    }

    fn put_client(&mut self, key: &[u8], passes: ClientRecord) -> Result<(), Error> {
        self.put(Table::Clients, key, passes.text(), Urgency::BeforeReply)
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Result<bool, Error> {
        let database = self.file()?.tables.database(table);
        // It is forgotten with the commit, and waits on if that fails.
        let waited = !self.is_uncommitted(table, key) && self.waiting.get(table, key).is_some();
        let was_there = match self.writer()?.del(database, &stored_key(key), None) {
            Ok(()) => true,
            Err(lmdb::Error::NotFound) => waited,
            Err(error) => return Err(self.fail(explain_write(self.path, error))),
        };
        self.uncommitted[table as usize].insert(key.to_vec());
        self.is_unsettled = true;
        Ok(was_there)
    }
}
