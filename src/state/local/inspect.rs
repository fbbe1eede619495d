//! The database as tools read it.

use super::reading::Reading;
use super::{Store, open_file};
use crate::state::{Error, Inspect, Metadata, Slice, Table, Totals};

impl Store {
    fn reading(&mut self) -> Result<Reading<'_>, Error> {
        self.look_at_file();
        let file = open_file(&self.file, &self.failure)?;
        Ok(Reading { environment: &file.environment, path: &self.path })
    }
}

impl Inspect for Store {
    fn metadata(&mut self) -> Result<Metadata, Error> {
        self.reading()?.metadata()
    }

    fn totals(&mut self) -> Result<Totals, Error> {
        self.reading()?.totals()
    }

    fn record(&mut self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.reading()?.record(table, key)
    }

    fn slice(
        &mut self,
        table: Table,
        prefix: &[u8],
        position: Option<&[u8]>,
    ) -> Result<Slice, Error> {
        self.reading()?.slice(table, prefix, position)
    }
}
