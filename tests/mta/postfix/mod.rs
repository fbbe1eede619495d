//! Greylisting as the clients of a real Postfix meet it.

mod features;
pub mod instance;
mod milter;
mod no_header;
mod policy;
mod pools;
mod programs;
mod shared_state;
