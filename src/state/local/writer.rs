//! The thread that writes to LMDB, so that the event loop never waits for a commit.
//!
//! It is handed one sweep at a time and reports its end, each through a channel. While
//! it writes, the loop only reads LMDB, which no writer delays, and does not close the
//! file. The thread starts with the first sweep: earlier, it would keep the rights that
//! the daemon gives up.

use super::File;
use super::buffer::Changes;
use super::identity;
use super::journal::Row;
use super::rows::{put, stored_key};
use lmdb::{RwTransaction, Transaction as _};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::io;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Changes for LMDB.
pub struct Sweep {
    pub file: Arc<File>,
    pub changes: Arc<Changes>,
    /// The identity of the database, and the generation of the journal that it then
    /// has wholly.
    pub swept: Option<(u64, u64)>,
    /// Changes of a transaction at most.
    pub slice: usize,
}

/// The end of a sweep.
#[derive(Debug)]
pub struct Ended {
    /// After an error, LMDB has some of the changes.
    pub result: Result<(), lmdb::Error>,
    pub took: Duration,
}

/// The thread as the event loop sees it.
#[derive(Default)]
pub struct Writer {
    thread: Option<Thread>,
    is_writing: bool,
    /// By this the thread wakes the loop, if there is one.
    waker: Option<Arc<EventFd>>,
}

struct Thread {
    sweeps: Sender<Sweep>,
    ended: Receiver<Ended>,
    handle: JoinHandle<()>,
}

impl Writer {
    /// Lets the thread wake the event loop.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let waker = EventFd::from_value_and_flags(0, flags)?;
        registry.register(&mut SourceFd(&waker.as_raw_fd()), token, Interest::READABLE)?;
        self.waker = Some(Arc::new(waker));
        Ok(())
    }

    /// Returns true if a sweep has not ended.
    pub fn is_writing(&self) -> bool {
        self.is_writing
    }

    /// Starts a sweep; the one before must have ended.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(&mut self, sweep: Sweep) -> io::Result<()> {
        debug_assert!(!self.is_writing, "one sweep at a time");
        let thread = match &mut self.thread {
            Some(thread) => thread,
            none => none.insert(spawn(self.waker.clone())?),
        };
        // It fails only if the thread has panicked, which its end tells.
        let _ = thread.sweeps.send(sweep);
        self.is_writing = true;
        Ok(())
    }

    /// Returns how a sweep has ended, if it has.
    pub fn take_ended(&mut self) -> Option<Ended> {
        let thread = self.thread.as_ref().filter(|_| self.is_writing)?;
        let ended = match thread.ended.try_recv() {
            Err(TryRecvError::Empty) => return None,
            ended => ended.ok(),
        };
        if let Some(waker) = &self.waker {
            let _ = waker.read();
        }
        Some(self.note(ended))
    }

    /// Waits for the end of a sweep, if there is one.
    pub fn wait(&mut self) -> Option<Ended> {
        let thread = self.thread.as_ref().filter(|_| self.is_writing)?;
        let ended = thread.ended.recv().ok();
        Some(self.note(ended))
    }

    /// Notes the end of a sweep; without one the thread has panicked, and the next
    /// sweep has another.
    fn note(&mut self, ended: Option<Ended>) -> Ended {
        self.is_writing = false;
        ended.unwrap_or_else(|| {
            self.thread = None;
            Ended { result: Err(lmdb::Error::Panic), took: Duration::ZERO }
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(Thread { sweeps, handle, .. }) = self.thread.take() {
            drop(sweeps);
            // A panic was reported as the end of the sweep.
            let _ = handle.join();
        }
    }
}

fn spawn(waker: Option<Arc<EventFd>>) -> io::Result<Thread> {
    let (sweeps, next) = channel::<Sweep>();
    let (sender, ended) = channel();
    let run = move || {
        for sweep in next {
            let start = Instant::now();
            let result = write(&sweep);
            // The loop may close the file once it knows.
            drop(sweep);
            let _ = sender.send(Ended { result, took: start.elapsed() });
            if let Some(waker) = &waker {
                let _ = waker.write(1);
            }
        }
    };
    let handle = thread::Builder::new().name("writer".to_owned()).spawn(run)?;
    Ok(Thread { sweeps, ended, handle })
}

/// Writes all changes, durably.
fn write(sweep: &Sweep) -> Result<(), lmdb::Error> {
    let Sweep { file, changes, swept, slice } = sweep;
    let mut rows = changes.rows().peekable();
    while rows.peek().is_some() {
        if file.witness.is_cut_off() {
            return Err(lmdb::Error::Invalid);
        }
        if !file.has_room() {
            return Err(lmdb::Error::MapFull);
        }
        if file.witness.is_overwritten(&file.environment) {
            return Err(lmdb::Error::Invalid);
        }
        let mut writer = file.environment.begin_rw_txn()?;
        for row in rows.by_ref().take(*slice) {
            put_row(&mut writer, file, row)?;
        }
        if let (None, Some((identity, generation))) = (rows.peek(), swept) {
            identity::write(&mut writer, file.meta, *identity, *generation)?;
        }
        let committed = writer.commit();
        // One that failed may have come that far.
        file.witness.note_commit(&file.environment);
        committed?;
    }
    // A commit alone may be undone by a power failure.
    file.environment.sync(true)
}

/// Writes a changed record in a transaction.
fn put_row(
    writer: &mut RwTransaction<'_>,
    file: &File,
    (table, key, record): Row<'_>,
) -> Result<(), lmdb::Error> {
    let database = file.tables.database(table);
    match record {
        Some(record) => put(writer, database, key, &record.text()),
        None => match writer.del(database, &stored_key(key), None) {
            Ok(()) | Err(lmdb::Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        },
    }
}
