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
            bytes: self.path.metadata().ok().map(|metadata| metadata.len()),
            disk_free: disk.map(|disk| disk.blocks_available() * disk.fragment_size()),
        }
    }

    fn count(&self) -> Option<[usize; 2]> {
        let file = self.file.as_ref().filter(|_| self.failure.is_none())?;
        let reader = file.environment.begin_ro_txn().ok()?;
        let count = |table| reader.stat(file.tables.database(table)).map(|stat| stat.entries());
        let in_file = [count(Table::Triplets).ok()?, count(Table::Clients).ok()?];
        let surplus = self.buffer.surplus();
        Some([0, 1].map(|table| in_file[table].saturating_add_signed(surplus[table])))
    }
}
