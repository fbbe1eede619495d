//! The life of the daemon on the real binary: how it comes up and says the
//! truth about it, what it is while it serves, and how it ends.
//!
//! Some of it needs root and Linux: other users, process and mount namespaces.

mod harness;

#[path = "life/background.rs"]
mod background;
#[path = "life/detach.rs"]
mod detach;
#[path = "life/failures.rs"]
mod failures;
#[path = "life/instances.rs"]
mod instances;
#[path = "life/pidfile.rs"]
mod pidfile;
#[path = "life/privileges.rs"]
mod privileges;
#[path = "life/status.rs"]
mod status;
#[path = "life/stopping.rs"]
mod stopping;
