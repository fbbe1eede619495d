//! The life of the daemon on the real binary: how it comes up and says the
//! truth about it, what it is while it serves, and how it ends.
//!
//! Some of it needs root and Linux: other users, process and mount namespaces.

mod harness;

#[path = "life/background.rs"]
mod background;
#[path = "life/container.rs"]
mod container;
#[path = "life/cycles.rs"]
mod cycles;
#[path = "life/detach.rs"]
mod detach;
#[path = "life/failures.rs"]
mod failures;
#[path = "life/instances.rs"]
mod instances;
#[path = "life/manager.rs"]
mod manager;
#[path = "life/pidfile.rs"]
mod pidfile;
#[path = "life/privileges.rs"]
mod privileges;
#[path = "life/reload.rs"]
mod reload;
#[path = "life/status.rs"]
mod status;
#[path = "life/stopping.rs"]
mod stopping;
#[path = "life/systemd.rs"]
mod systemd;
#[path = "life/unit.rs"]
mod unit;
