//! Reading a half of the journal.

use super::format::{
    BLOCK_HEAD, BLOCK_MAGIC, CHECKED, HALF, IS_CLIENT, IS_DELETION, Place, checksum, take,
};
use crate::greylist::{ClientRecord, Record, TripletRecord};
use crate::state::Table;
use memchr::memmem;
use std::io;

/// Reads the bytes of a half through a small buffer: a large one would make the
/// allocator keep more memory for the rest of the process's life.
pub struct Window<R> {
    read_at: R,
    bytes: Vec<u8>,
    start: usize,
}

/// Bytes that a window reads at once.
const WINDOW: usize = 64 << 10;

impl<R: FnMut(usize, &mut [u8]) -> io::Result<usize>> Window<R> {
    /// A window on what a function reads at an offset; it reads less than it is asked for
    /// only at the end.
    pub fn new(read_at: R) -> Window<R> {
        Window { read_at, bytes: Vec::new(), start: 0 }
    }

    /// The bytes at an offset, and some more; fewer only at the end.
    fn at(&mut self, offset: usize, length: usize) -> io::Result<&[u8]> {
        let end = self.start + self.bytes.len();
        if offset < self.start || offset + length > end {
            self.bytes.resize(length.max(WINDOW), 0);
            let read = (self.read_at)(offset, &mut self.bytes)?;
            self.bytes.truncate(read);
            self.start = offset;
        }
        Ok(&self.bytes[offset - self.start..])
    }

    /// The offset of the next magic of a block from an offset on.
    fn next_magic(&mut self, mut offset: usize) -> io::Result<Option<usize>> {
        loop {
            let bytes = self.at(offset, BLOCK_MAGIC.len())?;
            if let Some(found) = memmem::find(bytes, BLOCK_MAGIC) {
                return Ok(Some(offset + found));
            }
            if bytes.len() < BLOCK_MAGIC.len() {
                return Ok(None);
            }
            offset += bytes.len() - (BLOCK_MAGIC.len() - 1);
        }
    }

    /// The block at an offset, if it is one that is wanted.
    fn block(
        &mut self,
        offset: usize,
        identity: u64,
        is_wanted: impl Fn(Place) -> bool,
    ) -> io::Result<Option<(Place, &[u8])>> {
        let Some((place, length)) = parse_head(self.at(offset, BLOCK_HEAD)?) else {
            return Ok(None);
        };
        if length > HALF || !is_wanted(place) {
            return Ok(None);
        }
        let Some(block) = self.at(offset, length)?.get(..length) else {
            return Ok(None);
        };
        let expected = checksum(identity, &block[CHECKED..]).to_le_bytes();
        Ok((block[BLOCK_MAGIC.len()..CHECKED] == expected).then_some((place, block)))
    }
}

/// Parses the head of a block: its place, and its length with the head.
fn parse_head(block: &[u8]) -> Option<(Place, usize)> {
    let mut rest = block.strip_prefix(BLOCK_MAGIC)?;
    let _checksum: [u8; 4] = take(&mut rest)?;
    let place = Place {
        generation: u64::from_le_bytes(take(&mut rest)?),
        sequence: u32::from_le_bytes(take(&mut rest)?),
        durable: u32::from_le_bytes(take(&mut rest)?),
    };
    let length = u32::from_le_bytes(take(&mut rest)?) as usize;
    Some((place, BLOCK_HEAD + length))
}

/// A row that owns its key.
pub type OwnedRow = (Table, Vec<u8>, Option<Record>);

/// The blocks of one generation in a half.
#[derive(Debug, PartialEq, Eq)]
pub struct Half {
    /// The generation.
    pub generation: u64,
    /// The rows, in the order in which they were written.
    pub rows: Vec<OwnedRow>,
    /// The number of blocks, with those that are lost.
    pub blocks: u32,
    /// The offset of the next block.
    pub end: usize,
    /// The offset of the first bytes that were durable and cannot be read.
    pub damage: Option<usize>,
}

/// Reads a half; `None` if no block in it is of a generation after `swept`.
///
/// Blocks follow each other without a gap. The last one may be incomplete: its writer
/// had not come to its end, and no client was told of it. Any other that cannot be
/// read and was durable is damage. The rows after it count all the same, because each
/// of them is whole.
///
/// # Errors
/// When it cannot be read.
pub fn scan<R: FnMut(usize, &mut [u8]) -> io::Result<usize>>(
    mut window: Window<R>,
    identity: u64,
    swept: u64,
) -> io::Result<Option<Half>> {
    let is_swept = |place: Place| place.generation <= swept;
    if window.block(0, identity, is_swept)?.is_some() {
        // A half is written from its start.
        return Ok(None);
    }
    let mut half: Option<Half> = None;
    let (mut at, mut offset) = (0, 0);
    while let Some(magic) = window.next_magic(offset)? {
        let block = window.block(magic, identity, |place| match &half {
            Some(half) => place.generation == half.generation && place.sequence >= half.blocks,
            None => place.generation > swept,
        })?;
        let Some((place, block)) = block else {
            offset = magic + 1;
            continue;
        };
        let half = half.get_or_insert(Half {
            generation: place.generation,
            rows: Vec::new(),
            blocks: 0,
            end: 0,
            damage: None,
        });
        let is_row_lost = !parse_rows(&block[BLOCK_HEAD..], &mut half.rows);
        if is_row_lost || place.durable > half.blocks && place.sequence > half.blocks {
            half.damage.get_or_insert(at);
        }
        half.blocks = place.sequence.saturating_add(1);
        half.end = magic + block.len();
        (at, offset) = (half.end, half.end);
    }
    Ok(half)
}

/// Adds the rows of a block; returns false if they make no sense.
fn parse_rows(mut rest: &[u8], rows: &mut Vec<OwnedRow>) -> bool {
    while !rest.is_empty() {
        match parse_row(&mut rest) {
            Some(row) => rows.push(row),
            None => return false,
        }
    }
    true
}

fn parse_row(rest: &mut &[u8]) -> Option<OwnedRow> {
    let [flags] = take(rest)?;
    let length = u32::from_le_bytes(take(rest)?) as usize;
    let (key, after) = rest.split_at_checked(length)?;
    *rest = after;
    let table = if flags & IS_CLIENT == 0 { Table::Triplets } else { Table::Clients };
    if flags & IS_DELETION != 0 {
        return Some((table, key.to_vec(), None));
    }
    let (first, second) = (take(rest)?, take(rest)?);
    let last = i64::from_le_bytes(second);
    let record = match table {
        Table::Triplets => {
            Record::Triplet(TripletRecord { first: i64::from_le_bytes(first), last })
        }
        Table::Clients => Record::Client(ClientRecord { count: u64::from_le_bytes(first), last }),
    };
    Some((table, key.to_vec(), Some(record)))
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
