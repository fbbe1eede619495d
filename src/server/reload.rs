//! Reading the lists anew beside the old ones (HUP).
//!
//! A long list takes a while to read. That happens on a thread of its own,
//! whose one result the loop takes over between two turns; the old lists serve
//! until then.

use crate::lists::{ListReader, Lists, Warning};
use mio::Waker;
use std::io;
use std::mem;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

/// What was read, and what is wrong with it.
pub type Reading = (Lists, Vec<Warning>);

/// Reads the lists when asked to.
pub struct Reloader {
    reader: Arc<Mutex<ListReader>>,
    waker: Arc<Waker>,
    reading: Option<Receiver<Reading>>,
    is_wanted_again: bool,
}

impl Reloader {
    /// Will read with this reader, and wake the loop whenever it is done.
    pub fn new(reader: ListReader, waker: Waker) -> Reloader {
        Reloader {
            reader: Arc::new(Mutex::new(reader)),
            waker: Arc::new(waker),
            reading: None,
            is_wanted_again: false,
        }
    }

    /// Begins to read. Asked again meanwhile, it will read once more, since
    /// the files may have changed behind the reader.
    ///
    /// # Errors
    /// When the system has no room for a thread.
    pub fn begin(&mut self) -> io::Result<()> {
        if self.reading.is_some() {
            self.is_wanted_again = true;
            return Ok(());
        }
        let (sender, receiver) = channel();
        let (reader, waker) = (Arc::clone(&self.reader), Arc::clone(&self.waker));
        Builder::new().spawn(move || {
            // One thread at a time reads, so that nobody waits for this lock.
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            // Both fail only when the loop has ended.
            let _ = sender.send(reader.read());
            let _ = waker.wake();
        })?;
        self.reading = Some(receiver);
        Ok(())
    }

    /// The new lists, when they are ready.
    pub fn take(&mut self) -> Option<Reading> {
        let reading = self.reading.as_ref()?.try_recv().ok()?;
        self.reading = None;
        Some(reading)
    }

    /// Whether it was asked again while it read, which it now forgets.
    pub fn take_wanted_again(&mut self) -> bool {
        mem::take(&mut self.is_wanted_again)
    }
}

/// Frees lists that are no longer used, which takes a while as well.
pub fn discard(whitelists: Lists) {
    // Without room for a thread they are freed here and now.
    let _ = Builder::new().spawn(move || drop(whitelists));
}
