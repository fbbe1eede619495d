//! LMDB's list of free pages, read from the file itself.
//!
//! The one thing to know: a sound file may end before its last page. Pages
//! that a transaction takes from the end and gives back again are counted but
//! never written. Only when a page is missing that is in use was the file cut
//! off; to find that out the file must not be mapped, because touching a
//! missing page kills the process.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of a page number, and of every other count in the file.
pub const WORD: usize = size_of::<usize>();
/// Bytes before a page's content: its number, padding, flags, two bounds.
pub const HEADER: usize = WORD + 8;
/// Bytes of what a meta page says of one table; the root comes last.
pub const TABLE: usize = 8 + 5 * WORD;
/// Where a meta page describes the table of free pages, and where it says
/// which transaction wrote it.
pub const FREE_TABLE: usize = HEADER + 8 + 2 * WORD;
pub const TRANSACTION: usize = FREE_TABLE + 2 * TABLE + WORD;
/// Bytes before a node's key.
pub const NODE_HEADER: usize = 8;

/// A page's flag: its nodes name pages further down.
pub const IS_BRANCH: u16 = 0x01;
/// A node's flag: its value is on pages of its own.
pub const IS_ELSEWHERE: u16 = 0x01;

/// More levels than any tree has: a loop in a damaged one must end.
pub const DEEPEST: usize = 32;

/// The numbers of the pages that the next transactions may use again.
///
/// # Errors
/// When the list cannot be read, because the file is damaged or cut off or
/// because the disk fails.
pub fn free_list(file: &File, page_size: usize) -> io::Result<HashSet<usize>> {
    let reader = PageReader::new(file, page_size)?;
    let metas = [reader.page(0)?, reader.page(1)?];
    let is_second_newer = word(&metas[1], TRANSACTION)? > word(&metas[0], TRANSACTION)?;
    let root = word(&metas[usize::from(is_second_newer)], FREE_TABLE + TABLE - WORD)?;
    let mut free = HashSet::new();
    if root != usize::MAX {
        reader.collect(root, DEEPEST, &mut free)?;
    }
    Ok(free)
}

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
    /// When its length is not to be had.
    pub fn new(file: &'f File, page_size: usize) -> io::Result<PageReader<'f>> {
        let length = file.metadata()?.len().try_into().unwrap_or(usize::MAX);
        Ok(PageReader { file, length, page_size })
    }

    /// How many whole pages there are.
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

    /// Reads so many bytes from the beginning of a page on.
    fn read(&self, number: usize, length: usize) -> io::Result<Vec<u8>> {
        let place = number.checked_mul(self.page_size).ok_or_else(damaged)?;
        if length > self.length {
            return Err(damaged());
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, place as u64)?;
        Ok(bytes)
    }

    /// Adds the pages that are listed on a page of the table and below.
    fn collect(&self, number: usize, levels: usize, free: &mut HashSet<usize>) -> io::Result<()> {
        let page = self.page(number)?;
        let is_branch = short(&page, WORD + 2)? & IS_BRANCH != 0;
        let end = usize::from(short(&page, WORD + 4)?);
        for pointer in (HEADER..end).step_by(2) {
            let node = usize::from(short(&page, pointer)?);
            let number = u32::from_ne_bytes(bytes(&page, node)?) as usize;
            let flags = short(&page, node + 4)?;
            if is_branch {
                let levels = levels.checked_sub(1).ok_or_else(damaged)?;
                // On machines of 64 bits this is the top of the page's number.
                let top = usize::from(flags).checked_shl(32).unwrap_or(0);
                self.collect(number | top, levels, free)?;
                continue;
            }
            let list = node + NODE_HEADER + usize::from(short(&page, node + 6)?);
            if flags & IS_ELSEWHERE == 0 {
                add(&page, list, free)?;
            } else {
                let list = self.read(word(&page, list)?, HEADER.saturating_add(number))?;
                add(&list, HEADER, free)?;
            }
        }
        Ok(())
    }
}

/// Adds the pages of one list: their count, then their numbers.
fn add(list: &[u8], at: usize, free: &mut HashSet<usize>) -> io::Result<()> {
    for index in 1..=word(list, at)? {
        free.insert(word(list, at + index * WORD)?);
    }
    Ok(())
}

pub fn word(page: &[u8], at: usize) -> io::Result<usize> {
    Ok(usize::from_ne_bytes(bytes(page, at)?))
}

pub fn short(page: &[u8], at: usize) -> io::Result<u16> {
    Ok(u16::from_ne_bytes(bytes(page, at)?))
}

pub fn bytes<const N: usize>(page: &[u8], at: usize) -> io::Result<[u8; N]> {
    let bytes = page.get(at..).and_then(|rest| rest.first_chunk());
    bytes.copied().ok_or_else(damaged)
}

pub fn damaged() -> io::Error {
    io::Error::from(io::ErrorKind::InvalidData)
}
