//! The backend of the daemon: hands tasks to the worker, and gives them up when their
//! time is over.

use super::address::{Address, SharedState};
use super::circuit::Circuit;
use super::client::StateClient;
use super::worker::{Job, Serial, Worker, WorkerReport};
use crate::greylist::Policy;
use crate::state::{Backend, Completed, Error, RemoteStats, Task, Ticket};
use mio::unix::pipe;
use mio::{Interest, Registry, Token};
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::mem;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

/// The time limit of connecting, including TLS and sentinels. No mail waits for it.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

pub struct SharedBackend {
    address: Address,
    timeout: Duration,
    queue: Vec<(Ticket, Task)>,
    /// The tasks that the worker has, with the times of their submission. Serials rise:
    /// the first one is the oldest.
    pending: BTreeMap<Serial, (Ticket, Instant)>,
    next_serial: Serial,
    circuit: Circuit,
    worker: WorkerState,
    wakes: pipe::Receiver,
    stats: RemoteStats,
}

/// The worker starts with its first job: threads that exist when the daemon gives up
/// its rights would keep their own.
enum WorkerState {
    Ready(Box<StateClient>, pipe::Sender),
    Running(Worker),
    Ended,
}

impl SharedBackend {
    /// Connects, and waits for that a second at most. Where it fails, mail is accepted
    /// until the servers can be used; the failure is returned as well.
    pub fn open(
        settings: &SharedState,
        policy: &Policy,
    ) -> Result<(SharedBackend, Option<Error>), Error> {
        let SharedState { address, authorities, timeout } = settings;
        let new = || StateClient::new(address, authorities.as_deref(), policy.clone());
        let (client, failure) = match connect(new()?)? {
            (Some(client), failure) => (client, failure),
            (None, failure) => (new()?, failure),
        };
        let (sender, wakes) = pipe::new().map_err(|error| Error::new(error.to_string()))?;
        let mut circuit = Circuit::default();
        if let Some(error) = &failure {
            circuit.open(error.clone(), Instant::now());
        }
        let shared = SharedBackend {
            address: address.clone(),
            timeout: *timeout,
            queue: Vec::new(),
            pending: BTreeMap::new(),
            next_serial: 0,
            circuit,
            worker: WorkerState::Ready(Box::new(client), sender),
            wakes,
            stats: RemoteStats::default(),
        };
        Ok((shared, failure))
    }

    fn hand_over(&mut self, job: Job) -> Result<(), Error> {
        self.worker = match mem::replace(&mut self.worker, WorkerState::Ended) {
            WorkerState::Ready(client, waker) => {
                let worker = Worker::start(*client, waker)
                    .map_err(|error| Error::new(format!("shared state: no thread: {error}")))?;
                WorkerState::Running(worker)
            }
            started => started,
        };
        let ended = || Error::new("shared state: its thread has ended; restart postgrey");
        match &self.worker {
            WorkerState::Running(worker) => worker.jobs.send(job).map_err(|_| ended()),
            _ => Err(ended()),
        }
    }

    /// Acts upon what the worker reports.
    fn collect(&mut self, now: Instant, completed: &mut Vec<Completed>) {
        while matches!(self.wakes.read(&mut [0; 64]), Ok(length) if length > 0) {}
        let WorkerState::Running(worker) = &self.worker else {
            return;
        };
        let reports: Vec<WorkerReport> = worker.reports.try_iter().collect();
        for report in reports {
            match report {
                WorkerReport::Completed(serial, result) => {
                    // Those given up were completed then.
                    if let Some((ticket, since)) = self.pending.remove(&serial) {
                        self.stats.observe(now - since);
                        self.stats.failures += u64::from(result.is_err());
                        completed.push(Completed { ticket, result });
                    }
                }
                WorkerReport::Conflicts(number) => self.stats.conflicts += number,
                WorkerReport::Failed(error) => self.fail(error, now, completed),
                WorkerReport::Probed(result) => self.circuit.probed(result, now),
            }
        }
    }

    /// Fails all tasks, and opens the circuit.
    fn fail(&mut self, error: Error, now: Instant, completed: &mut Vec<Completed>) {
        for (ticket, _) in mem::take(&mut self.pending).into_values() {
            self.stats.failures += 1;
            completed.push(Completed { ticket, result: Err(error.clone()) });
        }
        self.circuit.open(error, now);
    }

    /// When the oldest task that the worker has is given up.
    fn oldest_deadline(&self) -> Option<Instant> {
        self.pending.first_key_value().map(|(_, (_, since))| *since + self.timeout)
    }

    fn submit_queue(&mut self, now: Instant, completed: &mut Vec<Completed>) {
        let queue = mem::take(&mut self.queue);
        if let Some(error) = self.circuit.failure() {
            for (ticket, _) in queue {
                self.stats.failures += 1;
                completed.push(Completed { ticket, result: Err(error.clone()) });
            }
            return;
        }
        let mut tasks = Vec::with_capacity(queue.len());
        for (ticket, task) in queue {
            self.pending.insert(self.next_serial, (ticket, now));
            tasks.push((self.next_serial, task));
            self.next_serial += 1;
        }
        if !tasks.is_empty() {
            if let Err(error) = self.hand_over(Job::Run(tasks, now + self.timeout)) {
                self.fail(error, now, completed);
            }
        }
    }
}

/// Connects in a thread that is given up if it does not end. Returns the client if it
/// did, and the failure.
fn connect(mut client: StateClient) -> Result<(Option<StateClient>, Option<Error>), Error> {
    let (sender, receiver) = channel();
    let start = thread::Builder::new().name("shared-state".to_owned()).spawn(move || {
        let result = client.connect(Instant::now() + CONNECT_LIMIT);
        let _ = sender.send((client, result));
    });
    let thread = start.map_err(|error| Error::new(format!("shared state: no thread: {error}")))?;
    match receiver.recv_timeout(CONNECT_LIMIT * 2) {
        Ok((client, result)) => {
            let _ = thread.join();
            match result {
                Err(error) if client.has_other_keys => Err(error),
                result => Ok((Some(client), result.err())),
            }
        }
        Err(_) => Ok((None, Some(Error::new("shared state: no answer in time")))),
    }
}

impl Backend for SharedBackend {
    fn submit(&mut self, ticket: Ticket, task: Task) {
        self.queue.push((ticket, task));
    }

    /// Never waits: tasks are completed by a later call, at most the time limit later.
    /// The worker has the policy since the start.
    fn decide(&mut self, _: &Policy, completed: &mut Vec<Completed>) {
        let now = Instant::now();
        self.collect(now, completed);
        if self.oldest_deadline().is_some_and(|deadline| deadline <= now) {
            let SharedBackend { address, timeout, .. } = self;
            let text =
                format!("shared state: {address}: no answer within {} ms", timeout.as_millis());
            self.fail(Error::new(text), now, completed);
        }
        if self.circuit.start_probe(now) {
            if let Err(error) = self.hand_over(Job::Probe(now + CONNECT_LIMIT)) {
                self.circuit.probed(Err(error), now);
            }
        }
        self.submit_queue(now, completed);
        self.stats.is_failing = self.circuit.failure().is_some();
    }

    fn deadline(&self) -> Option<Instant> {
        self.oldest_deadline().into_iter().chain(self.circuit.deadline()).min()
    }

    /// Lets the worker end: refreshes may be under way that no reply waited for.
    fn flush(&mut self) -> Result<bool, Error> {
        let worker = mem::replace(&mut self.worker, WorkerState::Ended);
        let WorkerState::Running(Worker { jobs, reports }) = worker else {
            return Ok(false);
        };
        drop(jobs);
        let end = Instant::now() + self.timeout;
        let left = || end.saturating_duration_since(Instant::now());
        while reports.recv_timeout(left()).is_ok() {}
        Ok(false)
    }

    fn failure(&self) -> Option<String> {
        self.circuit.failure().map(Error::to_string)
    }

    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.wakes, token, Interest::READABLE)
    }

    fn name(&self) -> &'static str {
        "the shared state"
    }

    fn remote_stats(&self) -> Option<&RemoteStats> {
        Some(&self.stats)
    }
}
