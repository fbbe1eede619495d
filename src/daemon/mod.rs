//! The daemon's use of the operating system, one file per part.

pub(crate) mod clock;
mod detach;
pub(crate) mod endpoint;
mod failure;
mod lock;
mod log;
mod log_queue;
pub(crate) mod nonblocking;
pub(crate) mod pidfile;
pub mod privileges;
pub(crate) mod rate_limited;
pub(crate) mod signals;
mod stderr;
pub(crate) mod stream;
mod syslog;
pub(crate) mod systemd;
pub mod title;

pub use detach::{Detached, Readiness, detach};
pub use failure::{Failure, errno};
pub use lock::DirectoryLock;
pub use log::{Entry, Format, Log, Severity, Verbosity};
pub use signals::{Signals, Wanted};
