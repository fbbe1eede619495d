//! What a daemon needs of the operating system: its clock, its log, its
//! signals, its user and the lock of its directory.

pub mod clock;
mod failure;
mod lock;
mod log;
pub mod privileges;
mod signals;

pub use failure::{Failure, errno};
pub use lock::DirectoryLock;
pub use log::{Log, Severity, Verbosity};
pub use signals::{Signals, Wanted};
