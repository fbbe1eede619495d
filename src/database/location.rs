//! Where the state of a daemon is.

use crate::state::{Metadata, SharedState};
use std::path::PathBuf;

/// The directory of a daemon, and the shared state if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The directory of the database, and of the socket of a running daemon.
    pub directory: PathBuf,
    /// The shared state in place of the database.
    pub shared: Option<SharedLocation>,
}

/// A shared state as a tool reaches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedLocation {
    /// The servers.
    pub settings: SharedState,
    /// What the daemon's options say, which holds for servers without metadata.
    pub metadata: Metadata,
    /// Whether the tool was told to use it, whatever a running daemon uses.
    pub is_typed: bool,
}

impl Location {
    /// A database in a directory.
    pub fn of_directory(directory: impl Into<PathBuf>) -> Location {
        Location { directory: directory.into(), shared: None }
    }
}
