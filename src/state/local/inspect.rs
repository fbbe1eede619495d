//! The database as tools read it.

use super::reading::Reading;
use super::{Store, open_file};
use crate::greylist::edit::Edit;
use crate::state::{Backend as _, Error, Found, Inspect, Metadata, Query};

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

    fn read(&mut self, query: &Query) -> Result<Found, Error> {
        self.reading()?.read(query)
    }

    fn edit_records(&mut self, edits: Vec<Edit>, now: i64) -> Result<usize, Error> {
        let policy = self.reading()?.metadata()?.policy();
        let changed = self.edit(&policy, edits, now);
        // The changes are durable in the journal; on a full disk they stay there.
        let _ = self.flush();
        changed
    }
}
