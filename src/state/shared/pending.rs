//! The tasks that the worker has, from the oldest on.

use super::worker::Serial;
use crate::state::{Completed, Error, Task, Ticket};
use std::collections::BTreeMap;
use std::time::Instant;

/// A task that is not completed.
#[derive(Debug)]
pub struct Submitted {
    ticket: Ticket,
    failure: fn(Ticket, Error) -> Completed,
    pub since: Instant,
}

impl Submitted {
    pub fn failed(self, error: Error) -> Completed {
        (self.failure)(self.ticket, error)
    }
}

/// All of them, in the order of submission.
#[derive(Debug, Default)]
pub struct Pending {
    tasks: BTreeMap<Serial, Submitted>,
}

impl Pending {
    /// Adds a task; serials rise.
    pub fn add(&mut self, serial: Serial, ticket: Ticket, task: &Task, since: Instant) {
        self.tasks.insert(serial, Submitted { ticket, failure: task.failure(), since });
    }

    /// Takes a task out; `None` if it was given up.
    pub fn take(&mut self, serial: Serial) -> Option<Submitted> {
        self.tasks.remove(&serial)
    }

    pub fn take_all(&mut self) -> impl Iterator<Item = Submitted> + use<> {
        std::mem::take(&mut self.tasks).into_values()
    }

    /// When the oldest was submitted.
    pub fn oldest(&self) -> Option<Instant> {
        self.tasks.first_key_value().map(|(_, task)| task.since)
    }
}
