//! The decision and nothing else.

mod policy;

pub use policy::{Lookup, Policy, SECONDS_PER_DAY};
