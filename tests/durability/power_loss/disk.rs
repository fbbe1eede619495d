//! A disk that loses its power.
//!
//! The assumptions are those that LMDB makes: a sector of 512 bytes is written
//! whole or not at all; until a sync has returned, of the sectors written since
//! the one before any may have arrived and any may not, in any order; after it
//! all have. What a file does not have yet reads as zeros.

use testkit::random::Random;

/// Bytes that are written together or not at all.
const SECTOR: usize = 512;

#[derive(Default)]
pub struct Disk {
    durable: Vec<u8>,
    /// Writes that may have arrived, in sectors or parts of them, in order.
    pending: Vec<(usize, Vec<u8>)>,
    last: usize,
}

impl Disk {
    /// Sends bytes on their way.
    pub fn write(&mut self, mut place: usize, mut bytes: &[u8]) {
        self.last = 0;
        while !bytes.is_empty() {
            let (sector, rest) = bytes.split_at(bytes.len().min(SECTOR - place % SECTOR));
            self.pending.push((place, sector.to_vec()));
            self.last += 1;
            place += sector.len();
            bytes = rest;
        }
    }

    /// The sectors that the last write touched, none of which has arrived for
    /// certain.
    pub fn last(&self) -> usize {
        self.last
    }

    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    pub fn sync(&mut self) {
        for (place, sector) in self.pending.drain(..) {
            put(&mut self.durable, place, &sector);
        }
    }

    /// Syncs the last write alone.
    pub fn sync_last(&mut self) {
        let first = self.pending.len() - self.last;
        for (place, sector) in self.pending.split_off(first) {
            put(&mut self.durable, place, &sector);
        }
    }

    /// Writes that have arrived for certain.
    pub fn durable(&self) -> &[u8] {
        &self.durable
    }

    /// The file after a power failure in which nothing arrived.
    pub fn with_none(&self) -> Vec<u8> {
        self.durable.clone()
    }

    /// The same when these first sectors arrived and no others.
    pub fn with_first(&self, count: usize) -> Vec<u8> {
        self.with(|index| index < count)
    }

    pub fn with_all(&self) -> Vec<u8> {
        self.with(|_| true)
    }

    /// The same when each sector arrived with a chance of its own.
    pub fn with_some(&self, random: &mut Random) -> Vec<u8> {
        let of = 2 + random.below(7);
        let arriving = 1 + random.below(of - 1);
        self.with(|_| random.below(of) < arriving)
    }

    fn with(&self, mut arrives: impl FnMut(usize) -> bool) -> Vec<u8> {
        let mut file = self.durable.clone();
        for (index, (place, sector)) in self.pending.iter().enumerate() {
            if arrives(index) {
                put(&mut file, *place, sector);
            }
        }
        file
    }
}

fn put(file: &mut Vec<u8>, place: usize, bytes: &[u8]) {
    let end = place + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[place..end].copy_from_slice(bytes);
}
