//! Greylisting as the clients of a real Postfix meet it.

mod features;
pub mod instance;
mod milter;
mod policy;
mod shared_state;
