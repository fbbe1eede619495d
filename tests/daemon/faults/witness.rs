//! The effects of a fault on others: the longest wait for a reply, the memory,
//! the log. Each test prints its measurements; `cargo test -- --nocapture` shows
//! them.

#![allow(clippy::print_stderr, reason = "what was measured is for the reader")]

use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use testkit::process::{memory, processor_time};
use testkit::{Attempt, Daemon, Listener, wait_until};

/// The longest that anybody may wait for a reply while something is wrong. A
/// reply takes a few milliseconds, and a server that waits for what is wrong
/// keeps others waiting until the fault ends; the rest is room for a machine
/// whose disk and processors others use as well.
pub const USUAL: Duration = Duration::from_secs(10);

/// How much memory of its own, in KiB, a fault may cost the daemon.
pub const SPARE_MEMORY: usize = 16 * 1024;

const PACE: Duration = Duration::from_millis(2);

/// A mail server that asks on its own connection.
#[derive(Debug)]
pub struct OtherClient {
    is_over: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    thread: JoinHandle<Measured>,
}

#[derive(Debug, Default)]
pub struct Measured {
    /// The longest wait for a reply.
    pub longest: Duration,
    /// How often it heard each first word of a reply.
    pub heard: BTreeMap<String, usize>,
}

impl OtherClient {
    /// Begins to ask, and has had a first reply: always about new triplets, so
    /// that each reply waits for the disk.
    pub fn of(daemon: &Daemon) -> OtherClient {
        OtherClient::at(daemon.listener())
    }

    /// The same, where a server listens that is no [`Daemon`].
    pub fn at(listener: &Listener) -> OtherClient {
        let (is_over, asked) = (Arc::default(), Arc::default());
        let thread = {
            let (listener, is_over, asked) =
                (listener.clone(), Arc::clone(&is_over), Arc::clone(&asked));
            thread::spawn(move || ask_until(&listener, &is_over, &asked))
        };
        let other = OtherClient { is_over, asked, thread };
        other.let_ask(1);
        other
    }

    pub fn let_ask(&self, times: usize) {
        let enough = self.asked.load(Ordering::Relaxed) + times;
        wait_until("requests of another client", || {
            self.asked.load(Ordering::Relaxed) >= enough || self.thread.is_finished()
        });
    }

    pub fn finish(self) -> Measured {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("a client that was served")
    }
}

/// Asserts that a server serves others while `fault` lasts.
#[derive(Debug)]
pub struct Watch {
    fault: &'static str,
    pid: Pid,
    before: usize,
    /// `None` at the end.
    other: Option<OtherClient>,
    log: Option<PathBuf>,
}

impl Watch {
    pub fn begin(daemon: &Daemon, fault: &'static str) -> Watch {
        let mut watch = Watch::at(daemon.pid(), daemon.listener(), fault);
        watch.log = Some(daemon.scratch().path().join("log"));
        watch
    }

    /// The same of a server that is no [`Daemon`].
    pub fn at(pid: Pid, listener: &Listener, fault: &'static str) -> Watch {
        let before = memory(pid);
        Watch { fault, pid, before, other: Some(OtherClient::at(listener)), log: None }
    }

    pub fn let_ask(&self, times: usize) {
        if let Some(other) = &self.other {
            other.let_ask(times);
        }
    }

    /// Holds the server to sleeping between requests: it uses the processor for
    /// less than half of the time in which others ask a hundred times.
    pub fn assert_mostly_asleep(&self) {
        let (begin, spent) = (Instant::now(), processor_time(self.pid));
        self.let_ask(100);
        let (elapsed, spent) = (begin.elapsed(), processor_time(self.pid) - spent);
        assert!(spent < elapsed / 2, "{spent:?} of {elapsed:?}");
    }

    /// `spare` is the memory in KiB that the fault may cost, `lines` are those
    /// of the log that tell of it. Returns how often the other was answered.
    pub fn end(mut self, spare: usize, lines: &[String]) -> usize {
        let after = memory(self.pid);
        self.let_ask(50);
        let measured = self.other.take().expect("it ends once").finish();
        record(self.fault, &measured, (self.before, after), lines);
        assert!(measured.longest < USUAL, "{measured:?}");
        assert_eq!(measured.heard.keys().collect::<Vec<_>>(), ["DEFER_IF_PERMIT"]);
        assert!(after < self.before + spare, "{} KiB, then {after} KiB", self.before);
        measured.heard["DEFER_IF_PERMIT"]
    }
}

/// A test that fails prints what others had measured until then.
impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(other) = self.other.take() {
            let memory = (self.before, memory(self.pid));
            let measured = other.finish();
            let log = self.log.as_ref().and_then(|log| fs::read(log).ok()).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let mut remarks = log.lines().filter(|line| !line.contains("action="));
            let last = remarks.next_back().unwrap_or("-").to_string();
            record(self.fault, &measured, memory, &["(failed)".to_string(), last]);
        }
    }
}

fn ask_until(listener: &Listener, is_over: &AtomicBool, asked: &AtomicUsize) -> Measured {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let other = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut measured = Measured::default();
    let mut client = listener.connect().expect("a server that listens");
    for number in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let recipient = format!("n{number}@other{other}.test");
        let attempt = Attempt::new("198.51.100.7", "n.test", "n@other.test", &recipient);
        let begin = Instant::now();
        let reply = catch_unwind(AssertUnwindSafe(|| client.ask(&attempt.at(0))));
        measured.longest = measured.longest.max(begin.elapsed());
        let word = reply.as_ref().map_or("no reply", |reply| reply.split(' ').next().unwrap_or(""));
        *measured.heard.entry(word.to_string()).or_default() += 1;
        asked.fetch_add(1, Ordering::Relaxed);
        if reply.is_err() {
            break;
        }
        thread::sleep(PACE);
    }
    measured
}

/// Prints a line for the table of faults: what others waited, the memory (KiB)
/// before and after, what the log says of it.
pub fn record(fault: &str, measured: &Measured, memory: (usize, usize), lines: &[String]) {
    let Measured { longest, heard } = measured;
    let (before, after) = memory;
    let milliseconds = longest.as_micros() / 100;
    let (whole, tenths) = (milliseconds / 10, milliseconds % 10);
    eprintln!(
        "measured | {fault} | longest reply {whole}.{tenths} ms | heard {heard:?} | \
         memory {before} -> {after} KiB | log: {lines:?}"
    );
}
