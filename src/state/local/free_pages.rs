//! LMDB's list of free pages, read from the file itself.
//!
//! The one thing to know: a sound file may end before its last page. Pages
//! that a transaction takes from the end and gives back again are counted but
//! never written. Only when a page is missing that is in use was the file cut
//! off.

use super::pages::{
    DEEPEST, FREE_TABLE, HEADER, IS_BRANCH, IS_ELSEWHERE, NODE_HEADER, PageReader, TABLE, WORD,
    bytes, damaged, short, word,
};
use std::collections::HashSet;
use std::fs::File;
use std::io;

/// The numbers of the pages that the next transactions may use again.
///
/// # Errors
/// When the list cannot be read, because the file is damaged or cut off or
/// because the disk fails.
pub fn free_list(file: &File, page_size: usize) -> io::Result<HashSet<usize>> {
    let reader = PageReader::new(file, page_size)?;
    let root = word(&reader.newest_meta()?, FREE_TABLE + TABLE - WORD)?;
    let mut free = HashSet::new();
    if root != usize::MAX {
        collect(&reader, root, DEEPEST, &mut free)?;
    }
    Ok(free)
}

/// Adds the pages that are listed on a page of the table and below.
fn collect(
    reader: &PageReader<'_>,
    number: usize,
    levels: usize,
    free: &mut HashSet<usize>,
) -> io::Result<()> {
    let page = reader.page(number)?;
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
            collect(reader, number | top, levels, free)?;
            continue;
        }
        let list = node + NODE_HEADER + usize::from(short(&page, node + 6)?);
        if flags & IS_ELSEWHERE == 0 {
            add(&page, list, free)?;
        } else {
            let list = reader.read(word(&page, list)?, HEADER.saturating_add(number))?;
            add(&list, HEADER, free)?;
        }
    }
    Ok(())
}

/// Adds the pages of one list: their count, then their numbers.
fn add(list: &[u8], at: usize, free: &mut HashSet<usize>) -> io::Result<()> {
    let mut earlier = usize::MAX;
    for index in 1..=word(list, at)? {
        let page = word(list, at + index * WORD)?;
        // LMDB would use a page twice, and merges lists in falling order.
        if page >= earlier || !free.insert(page) {
            return Err(io::Error::other("a page is free twice"));
        }
        earlier = page;
    }
    Ok(())
}
