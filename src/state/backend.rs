//! The seam between the daemon and its state.
//!
//! A backend runs the greylisting rules ([`judge`](crate::greylist::judge)) on
//! the records that it keeps, atomically for each decision, and hands a decision
//! back once it is as durable as its writes demand. No call waits for anything but this
//! machine's disk.

use super::{Error, ExpiryPass, ExpirySlice, Found, Lifetimes, Query, RemoteStats};
use crate::greylist::edit::Edit;
use crate::greylist::{Decision, Lookup, Policy};
use mio::{Registry, Token};
use std::io;
use std::time::Instant;

/// The submitter of a task, by its number among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticket {
    /// A connection of a mail server.
    Connection(usize),
    /// A client of the SMTP proxy.
    SmtpClient(usize),
    Tool(usize),
}

/// Something to be done with the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    Decide(Lookup),
    /// Make an administrator's changes, in order, at a time in seconds since the
    /// epoch.
    Edit(Vec<Edit>, i64),
    Read(Query),
}

/// The result of a task that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all are decisions")]
pub enum Done {
    /// A decision whose urgent writes are durable.
    Decided(Decision),
    /// The number of edits that changed a record.
    Edited(usize),
    Found(Found),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    pub ticket: Ticket,
    pub result: TaskResult,
}

pub type TaskResult = Result<Done, Error>;

/// The size of the state; `None` where it is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateSize {
    /// Records of the triplets and of the clients.
    pub records: Option<[usize; 2]>,
    /// Bytes that the records use of it.
    pub used: Option<u64>,
    /// Length of the file, in bytes.
    pub bytes: Option<u64>,
    /// Bytes that this user may still write to its disk.
    pub disk_free: Option<u64>,
}

/// The storage of the records.
///
/// A batch is: [`Backend::submit`] for each task, then [`Backend::decide`], then
/// [`Backend::commit`]. Every submitted task is completed exactly once.
///
/// The default methods are those of a backend that writes at once and expires records
/// by itself.
pub trait Backend {
    /// Queues a task for the next [`Backend::decide`].
    fn submit(&mut self, ticket: Ticket, task: Task);

    /// Runs the queued tasks, in order. Those that need no write to be durable
    /// are completed.
    fn decide(&mut self, policy: &Policy, completed: &mut Vec<Completed>);

    /// Makes the writes of the batch durable and completes the tasks that wait
    /// for them. Returns true if anything was written. If the writes failed, the tasks
    /// are completed with the same error, and none of their writes remains.
    fn commit(&mut self, completed: &mut Vec<Completed>) -> Result<bool, Error> {
        let _ = completed;
        Ok(false)
    }

    /// Returns when [`Backend::run_due`] has to be called, if nothing else
    /// happens.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Does what is due by the clock, such as writing records that may wait for
    /// the disk. Returns true if anything was written.
    fn run_due(&mut self) -> Result<bool, Error> {
        Ok(false)
    }

    /// Writes everything that waits for the disk, before the daemon stops.
    fn flush(&mut self) -> Result<bool, Error> {
        Ok(false)
    }

    /// The failure that keeps the state from being read or written, as long as it
    /// lasts.
    fn failure(&self) -> Option<String> {
        None
    }

    /// Checks once a second if another program has changed the storage. Returns lines
    /// for the log.
    fn check(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// The size of the state, at a cost that does not grow with it.
    fn size(&self) -> StateSize {
        StateSize::default()
    }

    /// Checks for at most a millisecond if the next records have expired at
    /// `now`, in seconds since the epoch; those that have are deleted with a later
    /// commit. `None` if the backend expires records by itself.
    fn expire(&mut self, lifetimes: &Lifetimes, now: i64) -> Result<Option<ExpirySlice>, Error> {
        let _ = (lifetimes, now);
        Ok(None)
    }

    /// The result of an expiry pass, once it has looked at all records and those
    /// that had expired are deleted. The next pass starts then.
    fn take_expiry_pass(&mut self) -> Option<ExpiryPass> {
        None
    }

    /// Starts writing all records that wait for the disk, and returns a number
    /// for [`Backend::has_settled`].
    fn settle(&mut self) -> u64 {
        0
    }

    /// Returns true if the records that waited when the number was given are
    /// written.
    fn has_settled(&self, number: u64) -> bool {
        let _ = number;
        true
    }

    /// Registers the backend's sockets, if it has any.
    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let _ = (registry, token);
        Ok(())
    }

    fn name(&self) -> &'static str {
        "the database"
    }

    /// Measurements of servers on other hosts, if the state is kept by some.
    fn remote_stats(&self) -> Option<&RemoteStats> {
        None
    }
}
