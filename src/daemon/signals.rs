//! Signals, as bytes on a socket that the loop watches.
//!
//! A handler only sets a flag and writes a byte, so a signal is never missed
//! between a look at the flags and the wait that follows. The original acts on
//! a signal only when a client happens to speak (BEHAVIOUR C5).

use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub stop: bool,
    pub reload: bool,
    /// Log the counters (USR1).
    pub statistics: bool,
}

#[derive(Debug)]
pub struct Signals {
    delivery: SignalDelivery<UnixStream, SignalOnly>,
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
        let signals = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1];
        let delivery = SignalDelivery::with_pipe(wakes, waker, SignalOnly, signals)?;
        // A write beyond a limit (LimitFSIZE, ulimit -f) is to fail as on a full disk.
        flag::register(SIGXFSZ, Arc::default())?;
        SigSet::empty().thread_set_mask()?;
        Ok(Signals { delivery })
    }

    pub fn socket(&self) -> &UnixStream {
        self.delivery.get_read()
    }

    /// Returns the actions requested since the last call.
    pub fn take(&mut self) -> Wanted {
        let mut wanted = Wanted::default();
        for signal in self.delivery.pending() {
            match signal {
                SIGHUP => wanted.reload = true,
                SIGUSR1 => wanted.statistics = true,
                _ => wanted.stop = true,
            }
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::raise;

    #[test]
    fn a_write_beyond_a_limit_does_not_end_the_process() {
        let mut signals = Signals::register().expect("handlers");
        raise(Signal::SIGXFSZ).expect("a signal");
        assert_eq!(signals.take(), Wanted::default());
    }
}
