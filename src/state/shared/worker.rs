//! The thread that talks to the servers, so that the event loop never waits for them.
//!
//! It is handed jobs and hands back reports, each through a channel. Every job ends at
//! its deadline. The thread ends when the loop drops its end.

use super::batch::Observer;
use super::changes::{Item, Outcome};
use super::client::{ConnectError, StateClient};
use crate::state::{Completed, Error, Task, Ticket};
use mio::unix::pipe;
use std::io::{self, Write as _};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

/// Identifies a submitted task; never used again, unlike its ticket.
pub type Serial = u64;

/// A task, with its serial and its ticket.
pub type SubmittedTask = (Serial, Ticket, Task);

/// Tasks of one batch; the servers answer other clients in between.
const MAX_TASKS: usize = 2048;

pub enum Job {
    /// Run tasks, which the loop gives up at the deadline.
    Run(Vec<SubmittedTask>, Instant),
    /// Connect again, read and write.
    Probe(Instant),
}

/// A report to the loop.
#[expect(clippy::large_enum_variant, reason = "nearly all are decisions")]
pub enum Report {
    Completed(Serial, Completed),
    /// The number of items that had to be judged again.
    Conflicts(u64),
    /// The servers failed. The tasks of the job that are not completed have failed.
    Failed(Error),
    Probed(Result<(), Error>),
}

/// Both channels, as the loop sees them.
pub struct Worker {
    pub jobs: Sender<Job>,
    pub reports: Receiver<Report>,
}

impl Worker {
    /// Starts the thread. It writes to the pipe when there are reports.
    pub fn start(client: StateClient, waker: pipe::Sender) -> io::Result<Worker> {
        let (jobs, next) = channel();
        let (sender, reports) = channel();
        let reporter = Reporter { reports: sender, waker, is_pending: false };
        // Never joined: a name server may keep it busy when the daemon stops.
        thread::Builder::new()
            .name("shared-state".to_owned())
            .spawn(move || run(client, &next, reporter))?;
        Ok(Worker { jobs, reports })
    }
}

/// Hands reports to the loop and wakes it.
struct Reporter {
    reports: Sender<Report>,
    waker: pipe::Sender,
    is_pending: bool,
}

impl Reporter {
    fn report(&mut self, report: Report) {
        // Without a receiver, the daemon stops.
        let _ = self.reports.send(report);
        self.is_pending = true;
    }

    fn wake(&mut self) {
        if std::mem::take(&mut self.is_pending) {
            // A full pipe wakes the loop as well.
            let _ = self.waker.write(&[0]);
        }
    }
}

fn run(mut client: StateClient, jobs: &Receiver<Job>, mut reporter: Reporter) {
    while let Ok(job) = jobs.recv() {
        let mut batch = Batch::default();
        let mut probe = None;
        let mut next = Some(job);
        while let Some(job) = next {
            match job {
                Job::Run(tasks, deadline) => batch.add(tasks, deadline),
                Job::Probe(deadline) => probe = Some(deadline),
            }
            next = if batch.tasks.len() < MAX_TASKS { jobs.try_recv().ok() } else { None };
        }
        if let Err(error) = batch.run(&mut client, &mut reporter) {
            reporter.report(Report::Failed(error));
        }
        if let Some(deadline) = probe {
            let result = client.probe(deadline).map_err(ConnectError::error);
            reporter.report(Report::Probed(result));
        }
        reporter.wake();
    }
}

/// The tasks of all jobs that wait, with the earliest of their deadlines.
#[derive(Default)]
struct Batch {
    tasks: Vec<SubmittedTask>,
    deadline: Option<Instant>,
}

impl Batch {
    fn add(&mut self, tasks: Vec<SubmittedTask>, deadline: Instant) {
        // The loop has given up tasks whose deadline is over.
        if deadline > Instant::now() {
            self.tasks.extend(tasks);
            self.deadline = Some(self.deadline.map_or(deadline, |other| other.min(deadline)));
        }
    }

    /// Decides and edits in one batch, then answers tools one by one.
    fn run(self, client: &mut StateClient, reporter: &mut Reporter) -> Result<(), Error> {
        let Some(deadline) = self.deadline else {
            return Ok(());
        };
        let mut items = Vec::with_capacity(self.tasks.len());
        let mut owners = Owners { tasks: Vec::new(), of_item: Vec::new(), reporter };
        let mut queries = Vec::new();
        for (serial, ticket, task) in self.tasks {
            let failure = task.failure();
            match task {
                Task::Read(query) => queries.push((serial, ticket, query)),
                Task::Decide(lookup) => {
                    owners.add(serial, ticket, failure, 1);
                    items.push(Item::decide(client.policy(), lookup));
                }
                Task::Edit(edits, now) => {
                    owners.add(serial, ticket, failure, edits.len());
                    let edits = edits.into_iter();
                    items.extend(edits.map(|edit| Item::edit(client.policy(), edit, now)));
                }
            }
        }
        if !items.is_empty() {
            let conflicts = client.run(&items, deadline, &mut owners)?;
            owners.reporter.report(Report::Conflicts(conflicts));
        }
        for (serial, ticket, query) in queries {
            // Its failure is the tool's. If the servers fail, mail will find out.
            let found = Completed::Read(ticket, client.query(&query, deadline));
            owners.reporter.report(Report::Completed(serial, found));
        }
        Ok(())
    }
}

/// The tasks that the items of a batch belong to.
struct Owners<'r> {
    tasks: Vec<Owner>,
    of_item: Vec<usize>,
    reporter: &'r mut Reporter,
}

struct Owner {
    serial: Serial,
    ticket: Ticket,
    /// The completion of a task that failed.
    failed: fn(Ticket, Error) -> Completed,
    /// Items that are not done.
    left: usize,
    /// Edits that changed a record.
    changed: usize,
    failure: Option<Error>,
}

impl Owners<'_> {
    fn add(
        &mut self,
        serial: Serial,
        ticket: Ticket,
        failed: fn(Ticket, Error) -> Completed,
        items: usize,
    ) {
        if items == 0 {
            let completed = Completed::Edited(ticket, Ok(0));
            self.reporter.report(Report::Completed(serial, completed));
            return;
        }
        self.of_item.extend(std::iter::repeat_n(self.tasks.len(), items));
        self.tasks.push(Owner { serial, ticket, failed, left: items, changed: 0, failure: None });
    }
}

impl Observer for Owners<'_> {
    fn done(&mut self, item: usize, result: Result<Outcome, Error>) {
        let owner = &mut self.tasks[self.of_item[item]];
        owner.left -= 1;
        let completed = match result {
            Ok(Outcome::Decided(decision)) => Completed::Decided(owner.ticket, Ok(decision)),
            Ok(Outcome::Edited(is_changed)) => {
                owner.changed += usize::from(is_changed);
                Completed::Edited(owner.ticket, Ok(owner.changed))
            }
            Err(error) => (owner.failed)(owner.ticket, owner.failure.insert(error).clone()),
        };
        if owner.left == 0 {
            let failure = owner.failure.take();
            let completed = failure.map_or(completed, |error| (owner.failed)(owner.ticket, error));
            self.reporter.report(Report::Completed(owner.serial, completed));
        }
    }

    fn pause(&mut self) {
        self.reporter.wake();
    }
}
