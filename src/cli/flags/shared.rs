//! The options of the shared state.

use super::{limited, value};
use clap::Arg;

pub(super) fn options() -> [Arg; 4] {
    [
        value("shared-state", "URL").help("keep the state on Redis or Valkey, for several hosts"),
        value("shared-state-file", "FILE")
            .help("file with the URL of --shared-state, for a password"),
        value("shared-state-ca", "FILE")
            .help("trust these certificate authorities for --shared-state"),
        limited("shared-state-timeout", "MS", "200")
            .help("let mail wait for --shared-state for N milliseconds at most"),
    ]
}
