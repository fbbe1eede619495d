//! The thread that talks to the servers, so that the event loop never waits for them.
//!
//! It is handed jobs and hands back reports, each through a channel. Every job ends at
//! its deadline. The thread ends when the loop drops its end.

use super::batch::Progress;
use super::changes::Item;
use super::client::StateClient;
use crate::state::{Done, Error, Task, TaskResult};
use mio::unix::pipe;
use std::io::{self, Write as _};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

/// Identifies a submitted task; never used again, unlike its ticket.
pub type Serial = u64;

/// Tasks of one batch; the servers answer other clients in between.
const MAX_TASKS: usize = 2048;

pub enum Job {
    /// Run tasks, which the loop gives up at the deadline.
    Run(Vec<(Serial, Task)>, Instant),
    /// Connect again, read and write.
    Probe(Instant),
}

/// A report to the loop.
#[expect(clippy::large_enum_variant, reason = "nearly all are decisions")]
pub enum WorkerReport {
    Completed(Serial, TaskResult),
    /// The number of items that had to be judged again.
    Conflicts(u64),
    /// The servers failed. The tasks of the job that are not completed have failed.
    Failed(Error),
    Probed(Result<(), Error>),
}

/// Both channels, as the loop sees them.
pub struct Worker {
    pub jobs: Sender<Job>,
    pub reports: Receiver<WorkerReport>,
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
    reports: Sender<WorkerReport>,
    waker: pipe::Sender,
    is_pending: bool,
}

impl Reporter {
    fn report(&mut self, report: WorkerReport) {
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
        let mut batch = Tasks::default();
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
            reporter.report(WorkerReport::Failed(error));
        }
        if let Some(deadline) = probe {
            reporter.report(WorkerReport::Probed(client.probe(deadline)));
        }
        reporter.wake();
    }
}

/// The tasks of all jobs that wait, with the earliest of their deadlines.
#[derive(Default)]
struct Tasks {
    tasks: Vec<(Serial, Task)>,
    deadline: Option<Instant>,
}

impl Tasks {
    fn add(&mut self, tasks: Vec<(Serial, Task)>, deadline: Instant) {
        // The loop has given up tasks whose deadline is over.
        if deadline > Instant::now() {
            self.tasks.extend(tasks);
            self.deadline = Some(self.deadline.map_or(deadline, |other| other.min(deadline)));
        }
    }

    /// Makes the decisions in one batch, then serves tools one by one.
    fn run(self, client: &mut StateClient, reporter: &mut Reporter) -> Result<(), Error> {
        let Some(deadline) = self.deadline else {
            return Ok(());
        };
        let (mut items, mut serials) = (Vec::new(), Vec::new());
        let (mut edits_of_tools, mut queries) = (Vec::new(), Vec::new());
        for (serial, task) in self.tasks {
            match task {
                Task::Decide(lookup) => {
                    serials.push(serial);
                    items.push(Item::decide(client.policy(), lookup));
                }
                Task::Edit(edits, now) => edits_of_tools.push((serial, edits, now)),
                Task::Read(query) => queries.push((serial, query)),
            }
        }
        if !items.is_empty() {
            let conflicts = client.run(&items, deadline, &mut |progress| match progress {
                Progress::Done(item, result) => {
                    reporter.report(WorkerReport::Completed(serials[item], result));
                }
                Progress::Pause => reporter.wake(),
            })?;
            reporter.report(WorkerReport::Conflicts(conflicts));
        }
        // A failure below is the tool's. If the servers fail, mail will find out.
        for (serial, edits, now) in edits_of_tools {
            let result = client.edit(edits, now, deadline).map(Done::Edited);
            reporter.report(WorkerReport::Completed(serial, result));
        }
        for (serial, query) in queries {
            let result = client.query(&query, deadline).map(Done::Found);
            reporter.report(WorkerReport::Completed(serial, result));
        }
        Ok(())
    }
}
