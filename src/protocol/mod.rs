//! The languages in which mail servers ask. Sessions are fed bytes and yield
//! requests; none of them touches a socket.

pub mod policy;
