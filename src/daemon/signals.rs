//! Signals, as bytes on a socket that the loop watches.
//!
//! A handler only sets a flag and writes a byte, so a signal is never missed
//! between a look at the flags and the wait that follows. The original acts on
//! a signal only when a client happens to speak (BEHAVIOUR C5).

use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::{flag, low_level::pipe};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the administrator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Finish and end (TERM, INT, QUIT).
    Stop,
}

/// The signals of this process.
#[derive(Debug)]
pub struct Signals {
    wakes: UnixStream,
    stop: Arc<AtomicBool>,
}

impl Signals {
    /// Takes over the signals.
    ///
    /// # Errors
    /// When the system has no room for a socket pair or refuses a handler.
    pub fn register() -> io::Result<Signals> {
        let (wakes, waker) = UnixStream::pair()?;
        wakes.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT, SIGQUIT] {
            // Handlers run in this order: the flag is up before the loop wakes.
            flag::register(signal, Arc::clone(&stop))?;
            pipe::register(signal, waker.try_clone()?)?;
        }
        Ok(Signals { wakes, stop })
    }

    /// The socket to wait on.
    pub fn socket(&self) -> &UnixStream {
        &self.wakes
    }

    /// What was asked for since the last call.
    pub fn take(&mut self) -> Option<Wanted> {
        let mut bytes = [0; 64];
        while matches!(self.wakes.read(&mut bytes), Ok(count) if count > 0) {}
        self.stop
            .swap(false, Ordering::Relaxed)
            .then_some(Wanted::Stop)
    }
}
