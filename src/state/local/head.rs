//! Checks of the first pages of a file.
//!
//! LMDB believes what they say: a page number that cannot be, or a tree that
//! begins on a page of another kind, ends the process by a signal. So the way
//! to the first page of each tree is gone before LMDB goes it. What lies
//! further down is not looked at here, so that a start takes no longer with
//! more rows.

use super::pages::{
    DEEPEST, FREE_TABLE, HEADER, IS_BRANCH, IS_LEAF, IS_TABLE, LAST_PAGE, NODE_HEADER, PageReader,
    TABLE, WORD, bytes, damaged, short, word,
};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The offset in a meta page of the description of the table of tables.
const MAIN_TABLE: usize = FREE_TABLE + TABLE;

/// The offsets of flags, depth and root in the description of a table.
const FLAGS: usize = 4;
const DEPTH: usize = 6;
const ROOT: usize = TABLE - WORD;

/// The root of a tree without pages.
const NOWHERE: usize = usize::MAX;

/// Page sizes that LMDB uses.
const PAGE_SIZES: std::ops::RangeInclusive<usize> = 512..=65_536;

/// A table's flag: its keys are numbers. The list of free pages is the one.
const HAS_NUMBERS: u16 = 0x08;
/// The flags of a table that are kept in the file.
const PERSISTENT_FLAGS: u16 = 0x7fff;

/// Fails if LMDB would misread the file. An empty file is accepted.
///
/// # Errors
/// When the file is damaged, or cannot be read.
pub fn check(file: &File) -> io::Result<()> {
    let page_size = page_size(file)?;
    let reader = PageReader::new(file, page_size)?;
    let meta = reader.newest_meta()?;
    if size_of_pages(&meta)? != page_size {
        return Err(damaged());
    }
    let last = word(&meta, LAST_PAGE)?;
    // The end of the file has to have a number as well.
    last.checked_add(1).and_then(|pages| pages.checked_mul(page_size)).ok_or_else(damaged)?;

    let (free, main) = (&meta[FREE_TABLE..][..TABLE], &meta[MAIN_TABLE..][..TABLE]);
    if short(free, FLAGS)? & HAS_NUMBERS == 0 || short(main, FLAGS)? & PERSISTENT_FLAGS != 0 {
        return Err(damaged());
    }
    root(free, last, &reader)?;
    let Some(tables) = root(main, last, &reader)? else {
        return Ok(());
    };
    if short(&tables, WORD + 2)? != IS_LEAF {
        // Three tables need no branches.
        return Err(damaged());
    }
    for pointer in (HEADER..usize::from(short(&tables, WORD + 4)?)).step_by(2) {
        let node = usize::from(short(&tables, pointer)?);
        let value = node + NODE_HEADER + usize::from(short(&tables, node + 6)?);
        let table: [u8; TABLE] = bytes(&tables, value)?;
        if short(&tables, node + 4)? != IS_TABLE || short(&table, FLAGS)? & PERSISTENT_FLAGS != 0 {
            return Err(damaged());
        }
        root(&table, last, &reader)?;
    }
    Ok(())
}

/// The size of the file's pages, in bytes.
///
/// # Errors
/// As [`check`].
pub fn page_size(file: &File) -> io::Result<usize> {
    let mut first = [0; HEADER + 8 + 2 * WORD + TABLE];
    file.read_exact_at(&mut first, 0)?;
    let page_size = size_of_pages(&first)?;
    let is_valid = PAGE_SIZES.contains(&page_size) && page_size.is_power_of_two();
    if is_valid { Ok(page_size) } else { Err(damaged()) }
}

/// The size of pages, from a meta page.
fn size_of_pages(meta: &[u8]) -> io::Result<usize> {
    Ok(u32::from_ne_bytes(bytes(meta, FREE_TABLE)?) as usize)
}

/// The first page of a table's tree, if it has one.
fn root(table: &[u8], last: usize, reader: &PageReader<'_>) -> io::Result<Option<Vec<u8>>> {
    let (depth, number) = (short(table, DEPTH)?, word(table, ROOT)?);
    if depth == 0 && number == NOWHERE {
        return Ok(None);
    }
    if !(1..=DEEPEST).contains(&usize::from(depth)) || !(2..=last).contains(&number) {
        return Err(damaged());
    }
    let page = reader.page(number)?;
    let kind = if depth == 1 { IS_LEAF } else { IS_BRANCH };
    let (lower, upper) = (short(&page, WORD + 4)?.into(), short(&page, WORD + 6)?.into());
    let is_sound = word(&page, 0)? == number
        && short(&page, WORD + 2)? == kind
        && (HEADER..=upper).contains(&lower)
        && upper <= page.len();
    if is_sound { Ok(Some(page)) } else { Err(damaged()) }
}
