//! Acknowledged records survive kills and power failures.

mod kills;
mod power_loss;
