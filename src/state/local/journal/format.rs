//! The bytes of the journal: a header, then two halves of blocks.
//!
//! A block is the changes of one append. Its checksum starts with the identity of the
//! database, a number that is not known outside, so that a key from the network cannot
//! contain bytes that are read as a block.

use crate::greylist::Record;
use crate::state::Table;
use std::io;

/// The format that this version reads and writes.
pub const VERSION: u32 = 1;

/// Bytes before the first half.
pub const HEADER: usize = 4096;

/// Bytes of a half.
pub const HALF: usize = if cfg!(test) { 64 << 10 } else { 2 << 20 };

const FILE_MAGIC: &[u8; 8] = b"PGJOURNL";
pub const BLOCK_MAGIC: &[u8; 4] = b"PGJB";

/// Bytes of a block before its rows: magic, checksum, generation, sequence, durable,
/// length.
pub const BLOCK_HEAD: usize = 28;

/// The offset of the first byte that the checksum covers.
pub const CHECKED: usize = 8;

/// Bits of a row's first byte.
pub const IS_CLIENT: u8 = 1;
pub const IS_DELETION: u8 = 2;

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

/// The position of a block among the others.
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

/// The checksum of a block's bytes.
pub fn checksum(identity: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&identity.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// Splits off a number's bytes.
pub fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*bytes)
}
