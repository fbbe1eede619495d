//! The server: sockets at the edge, one thread, one loop.

mod accept_queue;
mod acceptor;
mod batch;
mod clock_jump;
mod connection;
mod connections;
mod control;
mod counters;
mod engine;
mod housekeeping;
mod line_limit;
mod listen;
mod metrics;
mod poll_loop;
mod proxy;
mod relay;
mod reload;
mod size_limit;
mod smtp;
mod socket;
mod socket_file;
mod start;
mod stats;
mod tool_pace;

pub use start::run;
