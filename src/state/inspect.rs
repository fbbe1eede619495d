//! The records as tools read them: in bounded slices, so that mail never waits
//! for a tool, and a stopped tool keeps nothing open.

use super::{Error, Metadata, Slice, Table, Totals};
use crate::greylist::edit::Edit;

/// A tool's query about the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// The metadata that is kept with the records.
    Metadata,
    Totals,
    /// The text of the record of a key.
    Record(Table, Vec<u8>),
    /// The next records of a table whose keys start with a prefix: those after a
    /// position that an earlier slice gave, or the first ones. Records that wait for
    /// the disk may be missing, see [`super::Backend::settle`].
    Slice {
        table: Table,
        prefix: Vec<u8>,
        position: Option<Vec<u8>>,
    },
}

/// The result of a [`Query`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Metadata(Metadata),
    Totals(Totals),
    /// The text of a record, if there is one.
    Record(Option<Vec<u8>>),
    Slice(Slice),
}

/// Access for tools. No call keeps anything open for the next one.
pub trait Inspect {
    /// The metadata that is kept with the records.
    fn metadata(&mut self) -> Result<Metadata, Error>;

    fn read(&mut self, query: &Query) -> Result<Found, Error>;

    /// Makes changes in one commit; returns the number of changed records. A copy has no
    /// changes.
    fn edit_records(&mut self, _edits: Vec<Edit>, _now: i64) -> Result<usize, Error> {
        Err(Error::new("a copy is only read"))
    }
}
