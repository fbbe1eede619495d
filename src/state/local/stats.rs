//! How large the open database is, and whether it works: what costs the same
//! however many rows there are.

use super::{Store, Table};
use lmdb::Transaction as _;
use nix::sys::statvfs::statvfs;

/// Sizes; none where they cannot be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Rows of the triplets and of the clients.
    pub rows: Option<[usize; 2]>,
    /// Length of the file, in bytes.
    pub bytes: Option<u64>,
    /// Bytes that this user may still fill on its disk.
    pub disk_free: Option<u64>,
}

impl Store {
    /// The sizes as they are now.
    pub fn figures(&self) -> Figures {
        let disk = statvfs(&self.path).ok();
        Figures {
            rows: self.rows(),
            bytes: self.path.metadata().ok().map(|metadata| metadata.len()),
            disk_free: disk.map(|disk| disk.blocks_available() * disk.fragment_size()),
        }
    }

    fn rows(&self) -> Option<[usize; 2]> {
        let file = self.file.as_ref().filter(|_| self.failure.is_none())?;
        let reader = file.environment.begin_ro_txn().ok()?;
        let rows = |table| reader.stat(file.tables.database(table)).map(|stat| stat.entries());
        Some([rows(Table::Triplets).ok()?, rows(Table::Clients).ok()?])
    }

    /// What keeps the database from taking writes, if the last one failed.
    pub fn trouble(&self) -> Option<String> {
        match &self.failure {
            Some(failure) => Some(failure.error.to_string()),
            None => self.is_failing().then(|| "the last commit failed".to_owned()),
        }
    }
}
