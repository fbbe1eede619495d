//! The bytes of the journal: a header, then two halves of blocks.
//!
//! A block is the changes of one append. Its checksum starts with the identity of the
//! database, a number that nobody outside knows, so that a key from the network cannot
//! contain something that is taken for a block.

use crate::greylist::{ClientRecord, Record, TripletRecord};
use crate::state::Table;
use memchr::memmem;
use std::io;

/// The format that this version reads and writes.
pub const VERSION: u32 = 1;

/// Bytes before the first half.
pub const HEADER: usize = 4096;

/// Bytes of a half.
pub const HALF: usize = if cfg!(test) { 64 << 10 } else { 2 << 20 };

const FILE_MAGIC: &[u8; 8] = b"PGJOURNL";
const BLOCK_MAGIC: &[u8; 4] = b"PGJB";

/// Bytes of a block before its rows: magic, checksum, generation, sequence, durable,
/// length.
const BLOCK_HEAD: usize = 28;

/// Where the bytes start that the checksum is about.
const CHECKED: usize = 8;

/// Bits of a row's first byte.
const IS_CLIENT: u8 = 1;
const IS_DELETION: u8 = 2;

/// The header of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The format.
    pub version: u32,
    /// Bytes of a half.
    pub half: usize,
    /// The identity of the database.
    pub identity: u64,
}

impl Header {
    /// The bytes of the header.
    pub fn bytes(self) -> Vec<u8> {
        let mut bytes = FILE_MAGIC.to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend((self.half as u64).to_le_bytes());
        bytes.extend(self.identity.to_le_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// Parses a header. That of a newer format has its version in the same place, and
    /// nothing else is expected of it.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        let mut rest = bytes.strip_prefix(FILE_MAGIC)?;
        let version = u32::from_le_bytes(take(&mut rest)?);
        let half = u64::from_le_bytes(take(&mut rest)?);
        let identity = u64::from_le_bytes(take(&mut rest)?);
        let checked = bytes.len() - rest.len();
        let is_whole = crc32fast::hash(&bytes[..checked]) == u32::from_le_bytes(take(&mut rest)?);
        let header = Header { version, half: usize::try_from(half).ok()?, identity };
        (is_whole || version > VERSION).then_some(header)
    }
}

/// Where a block stands among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The generation: a number that grows each time a half is used again. Of 64
    /// bits, so it never starts over.
    pub generation: u64,
    /// The number of blocks of the generation before this one.
    pub sequence: u32,
    /// The number of those that were durable when this one was written.
    pub durable: u32,
}

/// A changed record; `None` if it was deleted.
pub type Row<'b> = (Table, &'b [u8], Option<Record>);

/// Bytes after which rows start another block.
const USUAL_BLOCK: usize = 32 << 10;

/// The bytes that rows take at most, with the heads of their blocks.
pub fn length_of<'r>(rows: impl Iterator<Item = Row<'r>>) -> usize {
    let rows: usize = rows.map(|(_, key, _)| 1 + 4 + key.len() + 16).sum();
    rows + (1 + rows / USUAL_BLOCK) * BLOCK_HEAD
}

/// Divides rows into blocks, of which one is in memory at a time.
///
/// # Errors
/// Those of `write`, which gets each block.
pub fn for_each_block<'r>(
    rows: impl Iterator<Item = Row<'r>>,
    mut write: impl FnMut(&mut Block) -> io::Result<()>,
) -> io::Result<()> {
    let mut block = Block::default();
    for row in rows {
        block.push(row);
        if block.len() > USUAL_BLOCK {
            write(&mut block)?;
            block.clear();
        }
    }
    if block.is_empty() { Ok(()) } else { write(&mut block) }
}

/// A block that is being made.
#[derive(Debug)]
pub struct Block {
    bytes: Vec<u8>,
}

impl Default for Block {
    fn default() -> Self {
        Block { bytes: vec![0; BLOCK_HEAD] }
    }
}

impl Block {
    /// Adds a row.
    pub fn push(&mut self, (table, key, record): Row<'_>) {
        let client = if table == Table::Clients { IS_CLIENT } else { 0 };
        let deletion = if record.is_none() { IS_DELETION } else { 0 };
        self.bytes.push(client | deletion);
        let length = u32::try_from(key.len()).expect("a key of less than four gigabytes");
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend_from_slice(key);
        let numbers = match record {
            Some(Record::Triplet(record)) => {
                [record.first.to_le_bytes(), record.last.to_le_bytes()]
            }
            Some(Record::Client(record)) => [record.count.to_le_bytes(), record.last.to_le_bytes()],
            None => return,
        };
        self.bytes.extend(numbers.as_flattened());
    }

    /// Removes all rows.
    pub fn clear(&mut self) {
        self.bytes.truncate(BLOCK_HEAD);
    }

    /// Returns true without rows.
    pub fn is_empty(&self) -> bool {
        self.len() == BLOCK_HEAD
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Completes the block.
    pub fn seal(&mut self, identity: u64, place: Place) -> &[u8] {
        let length = u32::try_from(self.len() - BLOCK_HEAD).expect("a block smaller than a half");
        let mut head = Vec::with_capacity(BLOCK_HEAD);
        head.extend(BLOCK_MAGIC);
        head.extend([0; 4]);
        head.extend(place.generation.to_le_bytes());
        head.extend(place.sequence.to_le_bytes());
        head.extend(place.durable.to_le_bytes());
        head.extend(length.to_le_bytes());
        self.bytes[..BLOCK_HEAD].copy_from_slice(&head);
        let checksum = checksum(identity, &self.bytes[CHECKED..]);
        self.bytes[BLOCK_MAGIC.len()..CHECKED].copy_from_slice(&checksum.to_le_bytes());
        &self.bytes
    }
}

fn checksum(identity: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&identity.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

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
    /// Where the next block goes.
    pub end: usize,
    /// Where the first bytes lie that were durable and cannot be read.
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

/// Splits off a number's bytes.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*bytes)
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
