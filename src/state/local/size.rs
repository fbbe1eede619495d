//! The size of the open database, at a cost that does not grow with it.

use super::{Store, Table};
use crate::state::StateSize;
use lmdb::Transaction as _;
use nix::sys::statvfs::statvfs;

impl Store {
    pub(super) fn measure(&self) -> StateSize {
        let disk = statvfs(&self.path).ok();
        StateSize {
            records: self.count(),
            used: self.used(),
            bytes: self.path.metadata().ok().map(|metadata| metadata.len()),
            disk_free: disk.map(|disk| disk.blocks_available() * disk.fragment_size()),
        }
    }

    /// The bytes of the pages of both tables.
    fn used(&self) -> Option<u64> {
        let file = self.file.as_ref().filter(|_| self.failure.is_none())?;
        let reader = file.environment.begin_ro_txn().ok()?;
        Table::ALL.into_iter().try_fold(0, |sum, table| {
            let stat = reader.stat(file.tables.database(table)).ok()?;
            let pages = stat.branch_pages() + stat.leaf_pages() + stat.overflow_pages();
            Some(sum + pages as u64 * u64::from(stat.page_size()))
        })
    }

    fn count(&self) -> Option<[usize; 2]> {
        let in_file = self.before_sweep.or_else(|| self.count_in_file())?;
        let surplus = self.buffer.surplus();
        Some([0, 1].map(|table| in_file[table].saturating_add_signed(surplus[table])))
    }

    /// The records of each table that LMDB has.
    pub(super) fn count_in_file(&self) -> Option<[usize; 2]> {
        let file = self.file.as_ref().filter(|_| self.failure.is_none())?;
        let reader = file.environment.begin_ro_txn().ok()?;
        let count = |table| reader.stat(file.tables.database(table)).map(|stat| stat.entries());
        Some([count(Table::Triplets).ok()?, count(Table::Clients).ok()?])
    }
}
