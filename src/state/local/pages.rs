//! How LMDB lays a file out in pages, and how they are read without a map:
//! touching a mapped page that is missing kills the process, and a damaged one
//! leads LMDB astray.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of a page number, and of every other count in the file.
pub const WORD: usize = size_of::<usize>();
/// Bytes before a page's content: its number, padding, flags, two bounds.
pub const HEADER: usize = WORD + 8;
/// Bytes of what a meta page says of one table; the root comes last.
pub const TABLE: usize = 8 + 5 * WORD;
/// Offsets in a meta page: the description of the table of free pages, the number of the
/// last page, and the transaction that wrote it.
pub const FREE_TABLE: usize = HEADER + 8 + 2 * WORD;
pub const LAST_PAGE: usize = FREE_TABLE + 2 * TABLE;
pub const TRANSACTION: usize = LAST_PAGE + WORD;
/// Bytes before a node's key.
pub const NODE_HEADER: usize = 8;

/// A page's flag: its nodes name pages further down.
pub const IS_BRANCH: u16 = 0x01;
/// A page's flag: its nodes are rows.
pub const IS_LEAF: u16 = 0x02;
/// A page's flag: it begins a value that is too long for a leaf.
pub const IS_OVERFLOW: u16 = 0x04;
/// A node's flag: its value is on pages of its own.
pub const IS_ELSEWHERE: u16 = 0x01;
/// A node's flag: its value describes a table.
pub const IS_TABLE: u16 = 0x02;

/// More levels than any tree has: a loop in a damaged one must end.
pub const DEEPEST: usize = 32;

/// Reads pages without a map.
pub struct PageReader<'f> {
    file: &'f File,
    length: usize,
    page_size: usize,
}

impl<'f> PageReader<'f> {
    /// For an open file.
    ///
    /// # Errors
    /// When its length cannot be read.
    pub fn new(file: &'f File, page_size: usize) -> io::Result<PageReader<'f>> {
        let length = file.metadata()?.len().try_into().unwrap_or(usize::MAX);
        Ok(PageReader { file, length, page_size })
    }

    /// Returns the number of whole pages.
    pub fn pages(&self) -> usize {
        self.length / self.page_size
    }

    /// Reads a page.
    ///
    /// # Errors
    /// When it is not there, or the disk fails.
    pub fn page(&self, number: usize) -> io::Result<Vec<u8>> {
        self.read(number, self.page_size)
    }

    /// Reads the meta page of the later transaction.
    ///
    /// # Errors
    /// As [`PageReader::page`].
    pub fn newest_meta(&self) -> io::Result<Vec<u8>> {
        let [first, second] = [self.page(0)?, self.page(1)?];
        let is_second_newer = word(&second, TRANSACTION)? > word(&first, TRANSACTION)?;
        Ok(if is_second_newer { second } else { first })
    }

    /// Reads `length` bytes from the start of a page.
    ///
    /// # Errors
    /// As [`PageReader::page`].
    pub fn read(&self, number: usize, length: usize) -> io::Result<Vec<u8>> {
        let place = number.checked_mul(self.page_size).ok_or_else(damaged)?;
        if length > self.length {
            return Err(damaged());
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, place as u64)?;
        Ok(bytes)
    }
}

/// The number of a word's size at a place.
///
/// # Errors
/// When the page ends before it.
pub fn word(page: &[u8], at: usize) -> io::Result<usize> {
    Ok(usize::from_ne_bytes(bytes(page, at)?))
}

/// The number of two bytes at a place.
///
/// # Errors
/// When the page ends before it.
pub fn short(page: &[u8], at: usize) -> io::Result<u16> {
    Ok(u16::from_ne_bytes(bytes(page, at)?))
}

/// The bytes at a place.
///
/// # Errors
/// When the page ends before them.
pub fn bytes<const N: usize>(page: &[u8], at: usize) -> io::Result<[u8; N]> {
    let bytes = page.get(at..).and_then(|rest| rest.first_chunk());
    bytes.copied().ok_or_else(damaged)
}

/// The description of an invalid page.
pub fn damaged() -> io::Error {
    io::Error::from(io::ErrorKind::InvalidData)
}
