//! All open connections: those that are due, and the limits of all.
//!
//! Any client can open connections and leave them half used. Their number is
//! bounded by the limit of descriptors, and the memory of all their buffers
//! together by [`MAX_BUFFERED`].

use super::connection::Connection;
use crate::daemon::stream::Stream;
use crate::session::MailSession;
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};
use slab::Slab;
use std::io;
use std::mem;
use std::ops::{Index, IndexMut};
use std::time::{Duration, Instant};

/// Descriptors that are not for connections: sockets, the database, the log, the
/// lists while they are reloaded.
const OTHER_DESCRIPTORS: u64 = 32;

/// The time without a request after which a connection may be closed when
/// descriptors are short. A mail server opens another when it needs one.
pub const SILENCE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that are closed at once when descriptors are short.
const MAX_CLOSED: usize = 256;

/// Bytes that all buffers together may take.
pub const MAX_BUFFERED: usize = 64 << 20;

/// The buffer size up to which a connection is not closed to save memory.
const SMALL_BUFFERS: usize = 8 << 10;

/// The connections, by keys that are used again.
#[derive(Debug)]
pub struct Connections {
    slab: Slab<Connection>,
    /// The keys of those that are due, in the order in which they became due.
    due: Vec<usize>,
    buffered: usize,
    max: usize,
}

impl Connections {
    /// No connections, and room for as many as the limit of descriptors allows.
    pub fn new() -> Connections {
        let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
        let max = limit.saturating_sub(OTHER_DESCRIPTORS).max(1);
        Connections {
            slab: Slab::new(),
            due: Vec::new(),
            buffered: 0,
            max: usize::try_from(max).unwrap_or(usize::MAX),
        }
    }

    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Returns an error if no descriptor is free for another connection.
    pub fn expect_room(&self) -> io::Result<()> {
        if self.len() < self.max { Ok(()) } else { Err(Errno::EMFILE.into()) }
    }

    /// Adds a connection, which is due: its client may have sent something
    /// already. Its token is its key.
    pub fn admit(
        &mut self,
        stream: Stream,
        session: Box<dyn MailSession>,
        watch: impl FnOnce(&Stream, usize) -> io::Result<()>,
    ) -> io::Result<()> {
        let entry = self.slab.vacant_entry();
        let key = entry.key();
        watch(&stream, key)?;
        entry.insert(Connection::new(stream, session));
        self.wake(key);
        Ok(())
    }

    /// The connection with a key, which is due now; `None` if it has been closed.
    pub fn wake(&mut self, key: usize) -> Option<&mut Connection> {
        let connection = self.slab.get_mut(key)?;
        if !mem::replace(&mut connection.is_due, true) {
            self.due.push(key);
        }
        Some(connection)
    }

    pub fn due(&self) -> usize {
        self.due.len()
    }

    /// The keys of those that have been due for longest. After the batch each is
    /// passed to [`Connections::settle`].
    pub fn take_due(&mut self, max: usize) -> Vec<usize> {
        let later = self.due.split_off(self.due.len().min(max));
        let now = mem::replace(&mut self.due, later);
        for key in &now {
            self.slab[*key].is_due = false;
        }
        now
    }

    /// Closes a connection that is finished, or that needs much memory when the
    /// limit is reached; otherwise makes it due again if it has work. Returns
    /// true if it was closed for its size.
    pub fn settle(&mut self, key: usize) -> bool {
        let connection = &mut self.slab[key];
        let size = connection.buffered();
        self.buffered = self.buffered - mem::replace(&mut connection.counted, size) + size;
        let is_too_large = self.buffered > MAX_BUFFERED && size > SMALL_BUFFERS;
        if is_too_large || connection.is_done() {
            self.close(key);
        } else if connection.wants_a_turn() {
            self.wake(key);
        }
        is_too_large
    }

    /// Closes some of the connections without a request for [`SILENCE_TIMEOUT`], and
    /// returns their number.
    pub fn close_silent(&mut self) -> usize {
        let now = Instant::now();
        let is_silent = |connection: &Connection| {
            !connection.is_due
                && !connection.is_awaiting()
                && now.duration_since(connection.asked) >= SILENCE_TIMEOUT
        };
        let silent = self.slab.iter().filter(|(_, connection)| is_silent(connection));
        let keys: Vec<usize> = silent.map(|(key, _)| key).take(MAX_CLOSED).collect();
        for key in &keys {
            self.close(*key);
        }
        keys.len()
    }

    /// Stops reading from all of them; those with unanswered requests are due.
    pub fn end_all(&mut self) {
        let Connections { slab, due, .. } = self;
        for (key, connection) in slab.iter_mut() {
            connection.end();
            if connection.wants_a_turn() && !mem::replace(&mut connection.is_due, true) {
                due.push(key);
            }
        }
    }

    /// Returns true if any still has replies to send, once all have ended.
    pub fn owe_replies(&self) -> bool {
        self.slab.iter().any(|(_, connection)| !connection.is_done())
    }

    fn close(&mut self, key: usize) {
        self.buffered -= self.slab.remove(key).counted;
    }
}

impl Index<usize> for Connections {
    type Output = Connection;

    fn index(&self, key: usize) -> &Connection {
        &self.slab[key]
    }
}

impl IndexMut<usize> for Connections {
    fn index_mut(&mut self, key: usize) -> &mut Connection {
        &mut self.slab[key]
    }
}
