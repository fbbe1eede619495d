//! What an administrator does with the database from outside the daemon.

mod export;
mod import;
mod json;
mod outcome;

pub use outcome::{Outcome, Trouble};

use crate::cli::admin::{Order, Task};
use crate::daemon::privileges::Identity;
use crate::store::lmdb::Reader;
use std::io::Write;

/// Does what was ordered and prints to `out`.
///
/// # Errors
/// When it cannot be done; the error says why and with which status to end.
pub fn run(order: &Order, out: &mut impl Write) -> Result<Outcome, Trouble> {
    Identity::look_up(&order.user, &order.group)?.assume_silently()?;
    match &order.task {
        Task::Export { tables, form } => {
            export::run(&Reader::open(&order.dbdir)?, *tables, *form, out)?;
            Ok(Outcome::Done)
        }
        Task::Import { from } => import::run(&order.dbdir, from, out),
    }
}
