//! The command line of the daemon, as typed values.

use std::path::PathBuf;
use std::time::Duration;

use super::{Facility, Smtp};
use crate::daemon::{Format, Verbosity};
use crate::database::{SharedLocation, StateLocation};
use crate::greylist::{Metadata, Policy};
use crate::lists::Files;
use crate::state::SharedState;

/// The daemon's options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The listener of the policy protocol; `None` only if there is `milter` or
    /// `smtp`.
    pub listen: Option<Listen>,
    /// The listener of the milter protocol (`--milter`).
    pub milter: Option<Listen>,
    /// The SMTP proxy (`--smtp`).
    pub smtp: Option<Smtp>,
    /// The listener for metrics (`--metrics`).
    pub metrics: Option<Listen>,
    /// Connections that may wait to be accepted (`--listen-queue-size`), 1 to
    /// 999; `None` is the system's own limit.
    pub backlog: Option<i32>,
    /// Directory of the database and the lock file (`/var/lib/postgrey`).
    pub dbdir: PathBuf,
    /// The time after the reply within which changes reach the disk (`--sync`),
    /// in whole seconds up to an hour; zero is before the reply.
    pub sync: Duration,
    /// The state that several hosts share, in place of the database (`--shared-state`).
    pub shared_state: Option<SharedState>,
    /// Name or number of the user to become (`postgrey`), as typed.
    pub user: String,
    /// Names or numbers of the groups to become (`postgrey`), as typed; the
    /// first is the main one.
    pub group: String,
    pub daemonize: bool,
    /// The pid file; always `None` in the foreground, for which the original
    /// ignores the option.
    pub pidfile: Option<PathBuf>,
    /// The limit of the database's size in bytes (`--max-size`); zero for none.
    pub max_size: u64,
    /// The syslog facility (`mail`).
    pub facility: Facility,
    pub verbosity: Verbosity,
    /// The format of the log (`--log-format`).
    pub log_format: Format,
    /// True to close each connection after one reply, as Exim expects.
    pub exim: bool,
    /// True if other machines may replace the clock (`--policy-test-time`).
    pub remote_test_time: bool,
    pub policy: Policy,
    pub lists: Files,
}

impl Options {
    /// The shared state as a tool reaches it. `is_typed` is true if the tool's own arguments
    /// name it.
    pub fn shared_location(&self, is_typed: bool) -> Option<SharedLocation> {
        let settings = self.shared_state.clone()?;
        Some(SharedLocation { settings, metadata: Metadata::of(&self.policy), is_typed })
    }

    /// The place of the state.
    pub fn location(&self) -> StateLocation {
        StateLocation { directory: self.dbdir.clone(), shared: self.shared_location(false) }
    }
}

/// A place to listen: `--inet` wins when `--unix` is given, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    Unix {
        /// Its path, which is not empty.
        path: PathBuf,
        /// Its permission bits, at most 0o7777.
        mode: u32,
    },
    /// `[HOST:]PORT` as typed, which is not empty (BEHAVIOUR B2).
    Inet(String),
}
