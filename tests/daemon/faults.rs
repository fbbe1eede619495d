//! Faults that the daemon survives: it continues to answer, logs the error once,
//! keeps its memory within bounds, recovers by itself and loses no acknowledged
//! record.
//!
//! Needs root and Linux, for mounts that only the daemon under test sees.
mod connections;
mod disk;
mod interruptions;
mod lists;
mod logging;
mod milter;
mod preload;
mod replaced;
mod smtp_clients;
mod witness;
