//! When the records that wait are appended, synced and swept.

use super::buffer::Buffer;
use super::journal::Journal;
use std::time::{Duration, Instant};

/// The time that a refreshed record may wait for an append.
pub const REFRESH_DELAY: Duration = Duration::from_secs(1);

/// Refreshed records that wait at most, before they are appended early.
const MAX_LOOSE: usize = 8192;

/// Young records that start a sweep: about two megabytes, and enough that several of
/// them share a page of LMDB.
const MAX_YOUNG: usize = 8192;

/// The time after which few records are swept as well: so long that the pages of LMDB
/// that a lone record touches do not count, so short that a copy of the file alone is
/// hardly out of date.
const SWEEP_DELAY: Duration = Duration::from_secs(300);

/// The time between two tries of a failed sweep.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// How long a slice of a sweep may take: mail that arrives meanwhile waits for it.
const SLICE: Duration = Duration::from_millis(2);

/// Records of a slice. The fewest are enough to be worth their wait for the disk.
const SLICE_RECORDS: std::ops::RangeInclusive<usize> = 32..=2048;

/// The records by which a slice may exceed its time: twice those of a batch of 512
/// requests. On a large database each of them is on another page.
const MAX_HASTE: usize = 1024;

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
    /// The records that the next slice should have, by the duration of the last one.
    slice: usize,
    /// Records appended since the last slice, or with the last append.
    appended: usize,
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
            slice: *SLICE_RECORDS.start(),
            appended: 0,
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

    /// Notes an append of some records to the buffer.
    pub fn note_append(&mut self, records: usize, buffer: &Buffer, now: Instant) {
        if buffer.loose().is_empty() {
            self.append = None;
        }
        if !self.sync_delay.is_zero() {
            self.sync.get_or_insert(now + self.sync_delay);
        }
        let is_sweeping = !buffer.old().is_empty();
        self.appended = records + if is_sweeping { self.appended } else { 0 };
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

    /// Returns true if a sweep should start.
    pub fn is_sweep_wanted(&self, buffer: &Buffer, journal: &Journal, now: Instant) -> bool {
        let young = buffer.young().len();
        let is_much = young >= MAX_YOUNG || journal.is_filling();
        young > 0 && (is_much || is_due(self.sweep, now) || self.is_settling())
    }

    /// Notes that a sweep has started.
    pub fn note_sweep(&mut self) {
        self.sweep = None;
    }

    /// The number of records of the next slice. A sweep keeps ahead of new records:
    /// it ends before there are half as many as it started with. Refreshed records,
    /// which are appended many at a time, are swept with the next batches.
    pub fn take_slice(&mut self) -> usize {
        let appended = std::mem::take(&mut self.appended);
        self.slice.max((2 * appended).min(MAX_HASTE))
    }

    /// Notes the duration of a slice.
    pub fn note_slice(&mut self, records: usize, took: Duration) {
        self.retry = None;
        if records >= self.slice {
            let fitting = SLICE.as_secs_f64() / took.as_secs_f64().max(1e-6) * records as f64;
            let fitting = (fitting as usize).min(2 * self.slice);
            self.slice = fitting.clamp(*SLICE_RECORDS.start(), *SLICE_RECORDS.end());
        }
    }

    /// Notes the end of a sweep.
    pub fn note_sweep_end(&mut self, is_empty: bool) {
        self.ended += 1;
        if is_empty {
            self.ended = self.ended.max(self.wanted);
        }
    }

    /// Tries a failed sweep again after a pause.
    pub fn postpone_sweep(&mut self, now: Instant) {
        self.retry = Some(now + RETRY_PAUSE);
    }

    /// Returns true if the last sweep failed.
    pub fn is_retrying(&self) -> bool {
        self.retry.is_some()
    }

    /// Returns true if LMDB may be written.
    pub fn may_write(&self, now: Instant) -> bool {
        self.retry.is_none_or(|retry| retry <= now)
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

    /// When something is due.
    pub fn due(&self, buffer: &Buffer, journal: &Journal) -> Option<Instant> {
        let now = Instant::now();
        let is_sweeping = !buffer.old().is_empty()
            || self.is_settling() && !buffer.is_empty()
            || self.is_sweep_wanted(buffer, journal, now);
        let sweep = if is_sweeping { Some(self.retry.unwrap_or(self.overdue)) } else { self.sweep };
        let has_loose = !buffer.loose().is_empty();
        let has_appended = !(buffer.young().is_empty() && buffer.old().is_empty());
        let append = self.append.filter(|_| has_loose);
        let sweep = sweep.filter(|_| has_appended);
        [append, self.sync, sweep].into_iter().flatten().min()
    }
}

fn is_due(moment: Option<Instant>, now: Instant) -> bool {
    moment.is_some_and(|moment| moment <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_refreshed_records_make_no_slice_long() {
        let mut schedule = Schedule::new();
        schedule.note_append(MAX_LOOSE, &Buffer::default(), Instant::now());
        assert_eq!(schedule.take_slice(), MAX_HASTE);
        assert_eq!(schedule.take_slice(), *SLICE_RECORDS.start());
    }

    #[test]
    fn a_slice_has_twice_as_many_records_as_a_batch_appended() {
        let mut schedule = Schedule::new();
        schedule.note_append(50, &Buffer::default(), Instant::now());
        assert_eq!(schedule.take_slice(), 100);
    }
}
