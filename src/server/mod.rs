//! The server: sockets at the edge, one thread, one loop.

mod connection;
mod connections;
mod control;
mod counters;
mod door;
mod entrance;
mod greylister;
mod housekeeping;
mod listen;
mod listener;
mod metrics;
mod poll_loop;
mod reload;
mod start;
mod trouble;
mod turn;

pub use start::run;
