//! The records as tools read them: in bounded slices, so that mail never waits
//! for a tool, and a stopped tool keeps nothing open.

use super::{Error, Metadata, Slice, Table, Totals};

/// A tool's query about the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// The metadata that is kept with the records.
    Metadata,
    Totals,
    /// The text of the record of a key.
    Record(Table, Vec<u8>),
    /// The next records of a table, see [`Inspect::slice`].
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

/// Reading access for tools. No call keeps anything open for the next one.
pub trait Inspect {
    fn read(&mut self, query: &Query) -> Result<Found, Error> {
        match query {
            Query::Metadata => self.metadata().map(Found::Metadata),
            Query::Totals => self.totals().map(Found::Totals),
            Query::Record(table, key) => self.record(*table, key).map(Found::Record),
            Query::Slice { table, prefix, position } => {
                self.slice(*table, prefix, position.as_deref()).map(Found::Slice)
            }
        }
    }

    /// The metadata that is kept with the records.
    fn metadata(&mut self) -> Result<Metadata, Error>;

    /// The size of the state.
    fn totals(&mut self) -> Result<Totals, Error>;

    /// The text of a record.
    fn record(&mut self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// The next records whose keys start with a prefix: those after a position
    /// that an earlier slice gave, or the first ones. Records that wait for the
    /// disk may be missing, see [`super::Backend::settle`].
    fn slice(
        &mut self,
        table: Table,
        prefix: &[u8],
        position: Option<&[u8]>,
    ) -> Result<Slice, Error>;
}
