//! Signals, as bytes on a socket that the loop watches.
//!
//! A handler only sets a flag and writes a byte, so a signal is never missed
//! between a look at the flags and the wait that follows. The original acts on
//! a signal only when a client happens to speak (BEHAVIOUR C5).

use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};
use signal_hook::{flag, low_level::pipe};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub stop: bool,
    pub reload: bool,
    /// Log the counters (USR1).
    pub statistics: bool,
}

#[derive(Debug)]
pub struct Signals {
    wakes: UnixStream,
    waker: UnixStream,
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    statistics: Arc<AtomicBool>,
}

/// Keeps the signals that a daemon survives until [`Signals::register`], since their
/// default action would end a daemon that is still starting. Signals that the
/// process was started with blocked are delivered again.
pub fn hold() {
    let held = SigSet::from_iter([Signal::SIGHUP, Signal::SIGUSR1]);
    // It fails only for invalid arguments.
    let _ = held.thread_set_mask();
}

impl Signals {
    /// Handles the signals from here on, including those that were held.
    pub fn register() -> io::Result<Signals> {
        let (wakes, waker) = UnixStream::pair()?;
        wakes.set_nonblocking(true)?;
        let signals = Signals {
            wakes,
            waker,
            stop: Arc::default(),
            reload: Arc::default(),
            statistics: Arc::default(),
        };
        for signal in [SIGTERM, SIGINT, SIGQUIT] {
            signals.watch(signal, &signals.stop)?;
        }
        signals.watch(SIGHUP, &signals.reload)?;
        signals.watch(SIGUSR1, &signals.statistics)?;
        SigSet::empty().thread_set_mask()?;
        Ok(signals)
    }

    fn watch(&self, signal: i32, raised: &Arc<AtomicBool>) -> io::Result<()> {
        // Handlers run in this order: the flag is up before the loop wakes.
        flag::register(signal, Arc::clone(raised))?;
        pipe::register(signal, self.waker.try_clone()?)?;
        Ok(())
    }

    pub fn socket(&self) -> &UnixStream {
        &self.wakes
    }

    /// Returns the actions requested since the last call.
    pub fn take(&mut self) -> Wanted {
        let mut bytes = [0; 64];
        while matches!(self.wakes.read(&mut bytes), Ok(count) if count > 0) {}
        let take = |raised: &AtomicBool| raised.swap(false, Ordering::Relaxed);
        Wanted {
            stop: take(&self.stop),
            reload: take(&self.reload),
            statistics: take(&self.statistics),
        }
    }
}
