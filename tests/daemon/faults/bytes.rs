//! Random bytes, which do not affect other clients.

#![allow(clippy::print_stderr, reason = "the seed is for the reader")]

use crate::faults::witness::{SPARE_MEMORY, Watch};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use testkit::random::{Random, seed};
use testkit::{Attempt, Daemon, Program};

/// A piece of what no mail server says: bytes, or requests with some wrong.
fn piece(random: &mut Random) -> Vec<u8> {
    let mut bytes = if random.one_in(2) {
        Attempt::new("192.0.2.1", "a.test", "alice@sender.test", "bob@example.org").bytes()
    } else {
        vec![b'='; random.below(2000) + 1]
    };
    let spoilt = if random.one_in(2) { random.below(4) } else { bytes.len() };
    for _ in 0..spoilt {
        let at = random.below(bytes.len());
        bytes[at] = u8::try_from(random.below(256)).expect("a byte");
    }
    bytes
}

fn connect(daemon: &Daemon) -> UnixStream {
    let stream = UnixStream::connect(daemon.socket()).expect("a server that listens");
    stream.set_nonblocking(true).expect("non-blocking");
    stream
}

/// `POSTGREY_FUZZ_SECONDS` says how long, as it does for `tests/fuzz.rs`.
#[test]
fn random_bytes_on_many_connections_do_not_affect_others() {
    let seconds = std::env::var("POSTGREY_FUZZ_SECONDS").ok();
    let seconds = seconds.map_or(3, |seconds| seconds.parse().expect("a number of seconds"));
    let seed = seed();
    eprintln!("POSTGREY_SEED={seed} for {seconds} seconds");
    let mut random = Random::of(seed);
    let daemon = Daemon::builder(Program::under_test()).start();
    let watch = Watch::begin(&daemon, "random bytes");
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut streams: Vec<UnixStream> = (0..50).map(|_| connect(&daemon)).collect();
    while Instant::now() < end {
        let stream = &mut streams[random.below(50)];
        if random.one_in(20) {
            *stream = connect(&daemon);
        }
        // It may be full, or closed for what it said before.
        let _ = stream.write(&piece(&mut random));
        let _ = stream.read(&mut [0; 4096]);
    }
    watch.end(SPARE_MEMORY, &[]);
}
