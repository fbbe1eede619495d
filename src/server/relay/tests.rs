//! The proxy with real sockets: its event loop, clients, and a mail server that
//! records every byte.

mod attacks;
mod backend;
mod deadlines;
mod hand_over;
mod harness;
mod tls;
