//! The effects of a fault on others: the longest wait for a reply, and the memory.

use nix::unistd::Pid;
use std::collections::BTreeMap;
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
const USUAL: Duration = Duration::from_secs(10);

/// How much memory of its own, in KiB, a fault may cost the daemon.
pub const SPARE_MEMORY: usize = 16 * 1024;

const PACE: Duration = Duration::from_millis(2);

/// How often a client heard each first word of a reply.
pub type Heard = BTreeMap<String, usize>;

/// A mail server that asks on its own connection, always about new triplets, so that
/// each reply waits for the disk.
#[derive(Debug)]
pub struct Watch {
    pid: Pid,
    memory_before: usize,
    is_over: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    /// Returns the longest wait for a reply as well.
    thread: JoinHandle<(Duration, Heard)>,
}

impl Watch {
    /// Begins to ask, and has had a first reply.
    pub fn begin(daemon: &Daemon) -> Watch {
        Watch::at(daemon.pid(), daemon.listener())
    }

    /// The same of a server that is no [`Daemon`].
    pub fn at(pid: Pid, listener: &Listener) -> Watch {
        let memory_before = memory(pid);
        let (is_over, asked) = (Arc::default(), Arc::default());
        let thread = {
            let (listener, is_over, asked) =
                (listener.clone(), Arc::clone(&is_over), Arc::clone(&asked));
            thread::spawn(move || ask_until(&listener, &is_over, &asked))
        };
        let watch = Watch { pid, memory_before, is_over, asked, thread };
        watch.let_ask(1);
        watch
    }

    pub fn let_ask(&self, times: usize) {
        let enough = self.asked.load(Ordering::Relaxed) + times;
        wait_until("requests of another client", || {
            self.asked.load(Ordering::Relaxed) >= enough || self.thread.is_finished()
        });
    }

    /// Holds the server to sleeping between requests: it uses the processor for
    /// less than half of the time in which others ask a hundred times.
    pub fn assert_mostly_asleep(&self) {
        let (begin, spent) = (Instant::now(), processor_time(self.pid));
        self.let_ask(100);
        let (elapsed, spent) = (begin.elapsed(), processor_time(self.pid) - spent);
        assert!(spent < elapsed / 2, "{spent:?} of {elapsed:?}");
    }

    /// Ends it while each request is deferred. `spare` is the memory in KiB that the
    /// fault may cost. Returns the number of replies.
    pub fn end(self, spare: usize) -> usize {
        let memory_after = memory(self.pid);
        self.let_ask(50);
        let heard = self.finish_at(memory_after, spare);
        assert_eq!(heard.keys().collect::<Vec<_>>(), ["DEFER_IF_PERMIT"]);
        heard["DEFER_IF_PERMIT"]
    }

    /// Ends it, whatever the replies are.
    pub fn finish(self, spare: usize) -> Heard {
        let memory_after = memory(self.pid);
        self.finish_at(memory_after, spare)
    }

    fn finish_at(self, after: usize, spare: usize) -> Heard {
        self.is_over.store(true, Ordering::Relaxed);
        let (longest, heard) = self.thread.join().expect("a client that was served");
        assert!(longest < USUAL, "a reply after {longest:?}: {heard:?}");
        let before = self.memory_before;
        assert!(after < before + spare, "{before} KiB, then {after} KiB");
        heard
    }
}

fn ask_until(listener: &Listener, is_over: &AtomicBool, asked: &AtomicUsize) -> (Duration, Heard) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let other = COUNT.fetch_add(1, Ordering::Relaxed);
    let (mut longest, mut heard) = (Duration::ZERO, Heard::new());
    let mut client = listener.connect().expect("a server that listens");
    while !is_over.load(Ordering::Relaxed) {
        let number = asked.load(Ordering::Relaxed);
        let recipient = format!("n{number}@other{other}.test");
        let attempt = Attempt::new("198.51.100.7", "n.test", "n@other.test", &recipient);
        let begin = Instant::now();
        let reply = client.ask(&attempt.at(0));
        longest = longest.max(begin.elapsed());
        let word = reply.split(' ').next().unwrap_or_default();
        *heard.entry(word.to_string()).or_default() += 1;
        asked.fetch_add(1, Ordering::Relaxed);
        thread::sleep(PACE);
    }
    (longest, heard)
}
