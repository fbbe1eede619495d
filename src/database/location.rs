//! The place of a daemon's state.

use crate::state::{Metadata, SharedState};
use std::path::PathBuf;

/// The directory of a daemon, and the shared state if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateLocation {
    /// The directory of the database, and of the socket of a running daemon.
    pub directory: PathBuf,
    /// The shared state in place of the database.
    pub shared: Option<SharedLocation>,
}

/// A shared state as a tool reaches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedLocation {
    pub settings: SharedState,
    /// The metadata of the daemon's options, for servers without metadata.
    pub metadata: Metadata,
    /// True if it is on the tool's command line, so that the running daemon's
    /// does not matter.
    pub is_typed: bool,
}
