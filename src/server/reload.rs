//! Reloading of the lists (HUP).
//!
//! Reading long lists takes a while. It is done in another thread, whose result
//! the event loop adopts; until then the old lists apply.

use crate::lists::{ListReader, Lists, Warning};
use mio::Waker;
use std::io;
use std::mem;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

/// The lists, and warnings about them.
pub type ListsRead = (Lists, Vec<Warning>);

pub struct Reloader {
    reader: Arc<Mutex<ListReader>>,
    waker: Arc<Waker>,
    reading: Option<Receiver<ListsRead>>,
    is_wanted_again: bool,
}

impl Reloader {
    pub fn new(reader: ListReader, waker: Waker) -> Reloader {
        Reloader {
            reader: Arc::new(Mutex::new(reader)),
            waker: Arc::new(waker),
            reading: None,
            is_wanted_again: false,
        }
    }

    /// Starts reading. A request during reading makes it read once more, since
    /// the files may have changed meanwhile.
    pub fn begin(&mut self) -> io::Result<()> {
        if self.reading.is_some() {
            self.is_wanted_again = true;
            return Ok(());
        }
        let (sender, receiver) = channel();
        let (reader, waker) = (Arc::clone(&self.reader), Arc::clone(&self.waker));
        Builder::new().spawn(move || {
            // One thread at a time reads, so that this lock is free.
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            // Both fail only when the loop has ended.
            let _ = sender.send(reader.read());
            let _ = waker.wake();
        })?;
        self.reading = Some(receiver);
        Ok(())
    }

    /// The new lists, when they are ready.
    pub fn take(&mut self) -> Option<ListsRead> {
        let reading = self.reading.as_ref()?.try_recv().ok()?;
        self.reading = None;
        Some(reading)
    }

    /// Returns true if a request came while it was reading, and resets this.
    pub fn take_wanted_again(&mut self) -> bool {
        mem::take(&mut self.is_wanted_again)
    }
}

/// Frees lists that are no longer used, which takes a while as well.
pub fn discard(lists: Lists) {
    // Without room for a thread they are freed here and now.
    let _ = Builder::new().spawn(move || drop(lists));
}
