//! The shared state on real servers: hosts that share one, faults, Sentinel, Cluster.
//!
//! Each test starts its own servers on free ports of this machine, and ends them by
//! their process ids. What is not installed is skipped and reported.

mod cluster;
mod faults;
mod manual;
mod proxy;
mod random;
mod sentinel;
mod tls;
mod tools;
mod two_hosts;
