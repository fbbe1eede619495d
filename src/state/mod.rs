//! What the greylist remembers, and how it is kept.
//!
//! [`Transaction`] is all that the decision sees; [`local`] keeps it on disk.
//! Rows are the original's own texts (BEHAVIOUR G), so that a dump of either
//! program's database reads the same.

pub mod berkeley;
pub mod dump;
pub mod import;
pub mod local;
mod maintenance;
mod record;
pub mod sql;

pub use maintenance::{ExpiryPass, ExpirySlice, Lifetimes, Tally};
pub use record::{ClientRecord, TripletRecord};

use std::fmt;

/// When a write has to be on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Before the reply, since a later decision depends on it; or as soon as
    /// the administrator wants it (`--sync`).
    BeforeReply,
    /// Within a second or so: every later decision is the same without it.
    Soon,
}

/// The two tables of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Triplets, with when they were seen.
    Triplets,
    /// Clients, with how often their mail passed.
    Clients,
}

impl Table {
    /// Both.
    pub const ALL: [Table; 2] = [Table::Triplets, Table::Clients];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Table::Triplets => "triplets",
            Table::Clients => "clients",
        }
    }
}

/// What the daemon notes in the file about itself, so that reports and tools
/// find its keys and know what becomes of its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// How keys are made.
    pub keys: String,
    /// After how long entries pass and are forgotten. Empty in a file of a
    /// daemon that did not note it.
    pub rules: String,
}

impl Metadata {
    /// The notes with their names in the file.
    fn named(&self) -> [(&'static str, &str); 2] {
        [("keys", &self.keys), ("rules", &self.rules)]
    }
}

/// The view of one turn of the loop: reads see all earlier writes, and the
/// writes become durable together.
pub trait Transaction {
    /// The row of a triplet.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn triplet(&mut self, key: &[u8]) -> Result<Option<TripletRecord>, Error>;

    /// Writes the row of a triplet.
    ///
    /// # Errors
    /// When the database cannot be written. What was written before in the
    /// same transaction is lost with it.
    fn put_triplet(
        &mut self,
        key: &[u8],
        seen: TripletRecord,
        urgency: Urgency,
    ) -> Result<(), Error>;

    /// The row of a client that had mail pass.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn client(&mut self, key: &[u8]) -> Result<Option<ClientRecord>, Error>;

    /// Writes the row of a client, [`Urgency::BeforeReply`].
    ///
    /// # Errors
    /// As [`Transaction::put_triplet`].
    fn put_client(&mut self, key: &[u8], passes: ClientRecord) -> Result<(), Error>;

    /// Deletes a row; gives whether there was one.
    ///
    /// # Errors
    /// As [`Transaction::put_triplet`].
    fn remove(&mut self, table: Table, key: &[u8]) -> Result<bool, Error>;
}

/// The database failed. Its text says what an administrator can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    what: String,
}

impl Error {
    fn new(what: impl Into<String>) -> Error {
        Error { what: what.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Error {}
