//! The storage of records: the daemon's [`Backend`], import and export.
//!
//! Records are the original's own texts (BEHAVIOUR G), so that a dump of either
//! program's database reads the same.

mod backend;
pub mod berkeley;
pub(crate) mod dump;
pub mod import;
mod inspect;
pub mod local;
mod maintenance;
pub mod memory;
mod remote_stats;
#[cfg(feature = "shared-state")]
pub(crate) mod shared;
mod shared_address;
mod text_lines;

pub use crate::greylist::{
    ClientRecord, Metadata, Record, Slice, Table, Totals, TripletRecord, Urgency,
};
pub use backend::{Backend, Completed, Done, StateSize, Task, TaskResult, Ticket};
pub use inspect::{Found, Inspect, Query};
pub use maintenance::{ExpiryPass, ExpirySlice, Lifetimes, TableExpiry};
pub use remote_stats::RemoteStats;
pub use shared_address::{Address, SharedState, VARIABLE as SHARED_STATE_VARIABLE};

use std::fmt;

/// An error of the state. Its text advises the administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    text: String,
}

impl Error {
    pub fn new(text: impl Into<String>) -> Error {
        Error { text: text.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}
