//! The options of the shared state.

use super::value;
use clap::{Arg, value_parser};

pub(super) fn options() -> [Arg; 4] {
    [
        value("shared-state", "URL")
            .help("keep the state on Redis or Valkey, for several hosts")
            .long_help(
                "Keep the state on a Redis or Valkey server that several hosts share, in place of \
                 the database in --dbdir: redis://HOST, rediss://HOST with TLS, \
                 redis+unix:///PATH, redis-sentinel://HOST,HOST/NAME or \
                 redis-cluster://HOST,HOST, each also with valkey; USER:PASSWORD@ may precede the \
                 host, and :PORT and /NUMBER of a database may follow it. The daemon hides the URL, \
                 which may contain a password, from ps(1). The environment variable POSTGREY_SHARED_STATE is used if neither \
                 this option nor --shared-state-file is given. See postgrey-shared-state(7).",
            ),
        value("shared-state-file", "FILE")
            .help("file with the URL of --shared-state, for a password")
            .long_help(
                "Read the URL of --shared-state from the first line of FILE, which only root need \
                 be able to read.",
            ),
        value("shared-state-ca", "FILE")
            .help("trust these certificate authorities for --shared-state")
            .long_help(
                "The certificates, as PEM, of the authorities that may have signed the \
                 certificate of the server of --shared-state. FILE must be readable by --user. \
                 Without it, those of the system are trusted.",
            ),
        value("shared-state-timeout", "MS")
            .value_parser(value_parser!(i64))
            .default_value("200")
            .help("let mail wait for --shared-state for N milliseconds at most")
            .long_help(
                "How many milliseconds, 10 to 10000, a mail waits for the server of \
                 --shared-state. After that it is accepted without greylisting, and so is all \
                 mail until the server answers again.",
            ),
    ]
}
