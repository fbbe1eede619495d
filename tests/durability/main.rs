//! What a client was told survives kills and power failures.

mod kills;
mod power_loss;
