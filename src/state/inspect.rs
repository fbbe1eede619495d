//! The records as tools read them: in bounded slices, so that mail never waits
//! for a tool, and a stopped tool keeps nothing open.

use super::{Error, Metadata, Slice, Table, Totals};

/// Reading access for tools. No call keeps anything open for the next one.
pub trait Inspect {
    /// The metadata that is kept with the records.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn metadata(&mut self) -> Result<Metadata, Error>;

    /// The size of the state.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn totals(&mut self) -> Result<Totals, Error>;

    /// The text of a record.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn record(&mut self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// The next records whose keys start with a prefix: those after a position
    /// that an earlier slice gave, or the first ones. Records that wait for the
    /// disk may be missing, see [`super::Backend::settle`].
    ///
    /// # Errors
    /// When the state cannot be read.
    fn slice(
        &mut self,
        table: Table,
        prefix: &[u8],
        position: Option<&[u8]>,
    ) -> Result<Slice, Error>;
}
