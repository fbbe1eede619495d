//! The daemon on its real binary: start, service, faults and end.
//!
//! Some tests need root and Linux: other users, mounts and process namespaces.
//! Without root they are skipped and reported.

mod bad_database;
mod config;
mod deferred_refreshes;
mod faults;
mod features;
mod fuzz;
mod life;
mod listeners;
mod log_format;
mod logcheck;
mod maintenance;
mod metrics;
mod milter;
mod opensmtpd;
mod smtp;
