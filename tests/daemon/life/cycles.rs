//! Starts and stops under load, in the foreground and the background in turn,
//! on one database: `POSTGREY_TEST_CYCLES` says how many (20).

#![allow(clippy::print_stderr, reason = "what was measured is for the reader")]

use crate::life::background::{assert_nothing_is_left, start};
use nix::sys::wait::WaitStatus;
use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use testkit::{Attempt, Daemon, Listener, Program, Scratch};

const CONNECTIONS: usize = 4;

const REPLIES: usize = 20;

fn cycles() -> usize {
    env::var("POSTGREY_TEST_CYCLES").map_or(20, |text| text.parse().expect("a number of cycles"))
}

/// Mail servers that ask about new triplets, and come back whenever their
/// connection ends.
struct Load {
    is_over: Arc<AtomicBool>,
    acknowledged: Mutex<Receiver<Attempt>>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    fn on(listener: &Listener) -> Load {
        let is_over = Arc::new(AtomicBool::new(false));
        let (tell, acknowledged) = channel();
        let threads = (0..CONNECTIONS).map(|connection| {
            let (listener, is_over, tell) = (listener.clone(), Arc::clone(&is_over), tell.clone());
            thread::spawn(move || {
                let mut number = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let Ok(mut client) = listener.connect() else {
                        thread::sleep(Duration::from_millis(1));
                        continue;
                    };
                    loop {
                        number += 1;
                        let recipient = format!("c{connection}n{number}@example.org");
                        let triplet = Attempt::to(&recipient);
                        let Some(reply) = client.try_to_ask(&triplet.clone().at(0)) else { break };
                        assert!(reply.starts_with("DEFER_IF_PERMIT "), "{reply}");
                        if tell.send(triplet).is_err() || is_over.load(Ordering::Relaxed) {
                            return;
                        }
                    }
                }
            })
        });
        let threads = threads.collect();
        Load { is_over, acknowledged: Mutex::new(acknowledged), threads }
    }

    fn some(&self, acknowledged: &mut Vec<Attempt>) {
        let receiver = self.acknowledged.lock().expect("one reader");
        for _ in 0..REPLIES {
            let next = receiver.recv_timeout(Duration::from_secs(30));
            acknowledged.push(next.expect("mail servers that are served"));
        }
    }

    fn end(self) -> Vec<Attempt> {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("only proper replies");
        }
        self.acknowledged.into_inner().expect("one reader").into_iter().collect()
    }
}

/// Starts and stops in the background; returns the directory and the time of the stop.
fn background(
    scratch: Scratch,
    load: &Load,
    acknowledged: &mut Vec<Attempt>,
) -> (Scratch, Duration) {
    let builder = Daemon::builder_in(Program::Ours, scratch);
    let daemon = start(builder).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    load.some(acknowledged);
    let begin = Instant::now();
    let (status, scratch) = daemon.stop();
    assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
    (scratch, begin.elapsed())
}

fn foreground(
    scratch: Scratch,
    load: &Load,
    acknowledged: &mut Vec<Attempt>,
) -> (Scratch, Duration) {
    let daemon = Daemon::builder_in(Program::Ours, scratch).start();
    load.some(acknowledged);
    let begin = Instant::now();
    let stopped = daemon.stop();
    assert_eq!(stopped.status.code(), Some(0), "{:#?}", stopped.log);
    (stopped.scratch, begin.elapsed())
}

#[test]
fn starts_and_stops_under_load_leave_no_file_and_lose_no_record() {
    let mut scratch = Scratch::new();
    let load = Load::on(&Listener::Unix(scratch.path().join("socket")));
    let (mut acknowledged, mut longest) = (Vec::new(), Duration::ZERO);
    for cycle in 0..cycles() {
        let life = if cycle % 2 == 0 { foreground } else { background };
        let took;
        (scratch, took) = life(scratch, &load, &mut acknowledged);
        assert_nothing_is_left(&scratch);
        longest = longest.max(took);
    }
    // The last daemon is gone, so no reply is incomplete.
    acknowledged.extend(load.end());
    let daemon = Daemon::builder_in(Program::Ours, scratch).start();
    let mut client = daemon.client();
    for triplet in &acknowledged {
        let reply = client.ask(&triplet.clone().at(300));
        assert!(reply.starts_with("PREPEND "), "{reply} to {triplet:?}");
    }
    eprintln!(
        "measured | {} starts and stops | {} entries, none lost | longest stop {longest:?}",
        cycles(),
        acknowledged.len()
    );
}
