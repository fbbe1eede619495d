//! When the records that wait are appended, synced and swept.

use super::buffer::Buffer;
use super::journal::Journal;
use std::time::{Duration, Instant};

/// The time that a refreshed record may wait for an append.
pub const REFRESH_DELAY: Duration = Duration::from_secs(1);

/// Refreshed records that wait at most, before they are appended early: more take memory,
/// and their append makes a reply wait longer.
const MAX_LOOSE: usize = 2048;

/// Young records that start a sweep: not half a megabyte, and enough that several of them
/// share a page of a usual database.
const MAX_YOUNG: usize = 3072;

/// The time after which few records are swept as well: so long that the pages of LMDB
/// that a lone record touches do not count, so short that a copy of the file alone is
/// hardly out of date.
const SWEEP_DELAY: Duration = Duration::from_secs(300);

/// The time between two tries of a failed sweep.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The deadlines of the buffer and the journal.
#[derive(Debug)]
pub struct Schedule {
    /// A moment in the past: when something is due at once.
    overdue: Instant,
    /// How long appended records may wait for a sync (`--sync`).
    sync_delay: Duration,
    append: Option<Instant>,
    sync: Option<Instant>,
    sweep: Option<Instant>,
    /// When a failed sweep is tried again.
    retry: Option<Instant>,
    /// The duration of the last sweep.
    duration: Duration,
    /// The number of sweeps that have ended.
    ended: u64,
    /// The number of sweeps that a tool waits for.
    wanted: u64,
}

impl Schedule {
    /// The deadlines of an empty buffer.
    pub fn new() -> Schedule {
        Schedule {
            overdue: Instant::now(),
            sync_delay: Duration::ZERO,
            append: None,
            sync: None,
            sweep: None,
            retry: None,
            duration: Duration::ZERO,
            ended: 0,
            wanted: 0,
        }
    }

    /// Lets what was appended wait for a sync.
    pub fn set_sync_delay(&mut self, delay: Duration) {
        self.sync_delay = delay;
    }

    /// Returns true if an append is durable before anything depends on it.
    pub fn syncs_at_once(&self) -> bool {
        self.sync_delay.is_zero()
    }

    /// Notes that refreshed records wait for an append.
    pub fn note_loose(&mut self, count: usize, now: Instant) {
        if count >= MAX_LOOSE && !self.is_retrying() {
            self.append = Some(now);
        }
        self.append.get_or_insert(now + REFRESH_DELAY);
    }

    /// Returns true if an append takes the refreshed records along.
    pub fn takes_loose(&self, now: Instant) -> bool {
        self.append.is_some_and(|due| due <= now + REFRESH_DELAY / 2)
    }

    /// Returns true if the refreshed records have to be appended.
    pub fn is_append_due(&self, now: Instant) -> bool {
        is_due(self.append, now)
    }

    /// Returns true if what was appended has to be synced.
    pub fn is_sync_due(&self, now: Instant) -> bool {
        is_due(self.sync, now)
    }

    /// Notes an append to the buffer.
    pub fn note_append(&mut self, buffer: &Buffer, now: Instant) {
        if buffer.loose().is_empty() {
            self.append = None;
        }
        if !self.sync_delay.is_zero() {
            self.sync.get_or_insert(now + self.sync_delay);
        }
        self.sweep.get_or_insert(now + SWEEP_DELAY);
    }

    /// Notes that all that was appended is durable.
    pub fn note_sync(&mut self) {
        self.sync = None;
    }

    /// Starts a sweep soon, because a journal had records.
    pub fn note_replay(&mut self, now: Instant) {
        self.sweep = Some(now);
    }

    /// Keeps refreshed records for another try after a failed append.
    pub fn postpone_append(&mut self, now: Instant) {
        self.append = self.append.map(|_| now + REFRESH_DELAY);
        self.sync = self.sync.map(|_| now + RETRY_PAUSE);
    }

    fn is_sweep_wanted(&self, buffer: &Buffer, journal: &Journal, now: Instant) -> bool {
        let young = buffer.young().len();
        let is_much = young >= MAX_YOUNG || journal.is_filling();
        young > 0 && (is_much || is_due(self.sweep, now) || self.is_settling())
    }

    /// Notes that a sweep has started.
    pub fn note_sweep(&mut self) {
        self.sweep = None;
    }

    /// Notes the end of a sweep.
    pub fn note_sweep_end(&mut self, is_empty: bool, took: Duration) {
        self.retry = None;
        self.duration = took;
        self.ended += 1;
        if is_empty {
            self.note_empty();
        }
    }

    /// Notes that LMDB has all records.
    pub fn note_empty(&mut self) {
        self.ended = self.ended.max(self.wanted);
    }

    /// Tries a failed sweep again after a pause.
    pub fn postpone_sweep(&mut self, now: Instant) {
        self.retry = Some(now + RETRY_PAUSE);
    }

    /// Returns true if the last sweep failed.
    pub fn is_retrying(&self) -> bool {
        self.retry.is_some()
    }

    /// Starts writing all records. Returns the number of the sweep that writes the
    /// last of them, for [`Schedule::has_ended`].
    pub fn settle(&mut self, buffer: &Buffer) -> u64 {
        if !buffer.is_empty() {
            let is_sweeping = !buffer.old().is_empty();
            self.wanted = self.ended + 1 + u64::from(is_sweeping);
        }
        self.wanted
    }

    /// Returns true if a tool waits for a sweep.
    pub fn is_settling(&self) -> bool {
        self.ended < self.wanted
    }

    /// Returns true if a sweep has ended.
    pub fn has_ended(&self, sweep: u64) -> bool {
        self.ended >= sweep
    }

    /// The duration of the last sweep.
    pub fn sweep_duration(&self) -> Duration {
        self.duration
    }

    /// When something is due, except a sweep.
    pub fn append_due(&self, buffer: &Buffer) -> Option<Instant> {
        let append = if self.is_settling() { Some(self.overdue) } else { self.append };
        let append = append.filter(|_| !buffer.loose().is_empty());
        append.into_iter().chain(self.sync).min()
    }

    /// When a sweep is due, if none is being written.
    pub fn sweep_due(&self, buffer: &Buffer, journal: &Journal) -> Option<Instant> {
        let is_wanted =
            !buffer.old().is_empty() || self.is_sweep_wanted(buffer, journal, Instant::now());
        let sweep = if is_wanted { Some(self.retry.unwrap_or(self.overdue)) } else { self.sweep };
        sweep.filter(|_| !(buffer.young().is_empty() && buffer.old().is_empty()))
    }
}

fn is_due(moment: Option<Instant>, now: Instant) -> bool {
    moment.is_some_and(|moment| moment <= now)
}
