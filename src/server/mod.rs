//! The server: sockets at the edge, one thread, one loop.

mod acceptor;
mod connection;
mod connections;
mod control;
mod counters;
mod door;
mod engine;
mod housekeeping;
mod listen;
mod listener;
mod metrics;
mod poll_loop;
mod rate_limited;
pub mod relay;
mod reload;
mod start;
mod turn;

pub use start::run;
