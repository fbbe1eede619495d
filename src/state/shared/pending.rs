//! The tasks that the worker has, from the oldest on.

use super::worker::{Answer, Serial};
use crate::state::{Completed, Error, Task, Ticket};
use std::collections::BTreeMap;
use std::time::Instant;

/// A task that is not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    ticket: Ticket,
    kind: Kind,
    pub since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Decide,
    Edit,
    Read,
}

impl Submitted {
    /// The completion of the task with this result.
    pub fn completed(self, result: Result<Answer, Error>) -> Completed {
        let ticket = self.ticket;
        let unexpected = || Error::new("shared state: the result of another task");
        match self.kind {
            Kind::Decide => Completed::Decided(
                ticket,
                result.and_then(|answer| match answer {
                    Answer::Decided(decision) => Ok(decision),
                    _ => Err(unexpected()),
                }),
            ),
            Kind::Edit => Completed::Edited(
                ticket,
                result.and_then(|answer| match answer {
                    Answer::Edited(changed) => Ok(changed),
                    _ => Err(unexpected()),
                }),
            ),
            Kind::Read => Completed::Read(
                ticket,
                result.and_then(|answer| match answer {
                    Answer::Read(found) => Ok(found),
                    _ => Err(unexpected()),
                }),
            ),
        }
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
        let kind = match task {
            Task::Decide(_) => Kind::Decide,
            Task::Edit(..) => Kind::Edit,
            Task::Read(_) => Kind::Read,
        };
        self.tasks.insert(serial, Submitted { ticket, kind, since });
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
