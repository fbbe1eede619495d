//! The life of the daemon on the real binary: how it comes up and says the
//! truth about it, what it is while it serves, and how it ends.
//!
//! Some of it needs root and Linux: other users, process and mount namespaces.
mod background;
mod container;
mod cycles;
mod detach;
mod failures;
mod instances;
mod manager;
mod pidfile;
mod privileges;
mod reload;
mod signals;
mod socket_files;
mod status;
mod stopping;
mod systemd;
mod unit;
