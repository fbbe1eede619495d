//! A new file with the records of a database, which can take its place. It has
//! no free pages.

use super::errors::explain_write;
use super::open::{FORMAT, HEADROOM};
use super::rows::put_new;
use super::{META, Table, Tables};
use crate::state::{Error, Metadata};
use lmdb::{DatabaseFlags, Environment, EnvironmentFlags, Transaction as _, WriteFlags};
use std::path::{Path, PathBuf};

/// Rows of one commit.
const BATCH: usize = 1000;

/// A copy that is being written.
pub struct Copy {
    environment: Environment,
    tables: Tables,
    rows: Vec<(Table, Vec<u8>, Vec<u8>)>,
    path: PathBuf,
}

impl Copy {
    /// Starts a copy of a database of some bytes in an empty file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn create(path: &Path, bytes: u64, metadata: &Metadata) -> Result<Copy, Error> {
        let explain = |error| explain_write(path, error);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX / 4);
        let environment = Environment::new()
            // Nothing else knows the file, and one sync at the end is enough.
            .set_flags(
                EnvironmentFlags::NO_SUB_DIR
                    | EnvironmentFlags::NO_LOCK
                    | EnvironmentFlags::NO_SYNC,
            )
            .set_max_dbs(3)
            .set_map_size(2 * (bytes + HEADROOM))
            .open_with_permissions(path, 0o600)
            .map_err(explain)?;
        let create = |name| environment.create_db(Some(name), DatabaseFlags::empty());
        let meta = create(META).map_err(explain)?;
        let triplets = create(Table::Triplets.name()).map_err(explain)?;
        let clients = create(Table::Clients.name()).map_err(explain)?;
        let note = || {
            let mut writer = environment.begin_rw_txn()?;
            let named = metadata.named().map(|(name, value)| (name, value.as_bytes()));
            let named = named.into_iter().filter(|(_, value)| !value.is_empty());
            for (name, value) in [("format", FORMAT)].into_iter().chain(named) {
                writer.put(meta, &name, &value, WriteFlags::empty())?;
            }
            writer.commit()
        };
        note().map_err(explain)?;
        let (rows, path) = (Vec::with_capacity(BATCH), path.to_owned());
        Ok(Copy { environment, tables: Tables { triplets, clients }, rows, path })
    }

    /// Adds a record. In the order of keys the file becomes smallest.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put(&mut self, table: Table, key: &[u8], text: &[u8]) -> Result<(), Error> {
        self.rows.push((table, key.to_vec(), text.to_vec()));
        if self.rows.len() == BATCH { self.write() } else { Ok(()) }
    }

    /// Completes the copy; when it returns, all is on disk.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> Result<(), Error> {
        self.write()?;
        self.environment.sync(true).map_err(|error| explain_write(&self.path, error))
    }

    fn write(&mut self) -> Result<(), Error> {
        let write = || {
            let mut writer = self.environment.begin_rw_txn()?;
            for (table, key, text) in &self.rows {
                put_new(&mut writer, self.tables.database(*table), key, text)?;
            }
            writer.commit()
        };
        write().map_err(|error| explain_write(&self.path, error))?;
        self.rows.clear();
        Ok(())
    }
}
