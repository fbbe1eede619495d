//! Faults that the daemon survives, each on the real binary: it goes on
//! answering the others, says once what is wrong, keeps its memory within
//! bounds, recovers by itself and loses nothing that it told anybody.
//!
//! Needs root and Linux, for mounts that only the daemon under test sees.
mod background;
mod bytes;
mod connections;
mod disk;
mod headers;
mod interruptions;
mod lists;
mod logging;
mod milter;
mod preload;
mod replaced;
mod smtp_clients;
mod witness;
