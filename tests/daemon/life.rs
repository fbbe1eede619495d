//! The life of the daemon: how it starts and reports this, its state while it
//! serves, and its end.
//!
//! Some of it needs root and Linux: other users, process and mount namespaces.
pub mod background;
mod container;
mod detach;
mod failures;
mod manager;
mod pidfile;
mod privileges;
mod reload;
mod signals;
mod socket_files;
mod stopping;
mod systemd;
mod unit;
