//! Reads the original's databases, Berkeley DB btree files, without Berkeley DB.
//!
//! A file is a sequence of pages of equal size. The first page describes the
//! file; rows are on leaf pages, each of which names its neighbours in key order.
//! Nothing in a file is trusted: every page that is a leaf is read, whether others
//! lead to it or not, and the [`Summary`] reports damage. Of a page, memory holds a
//! few numbers.
//!
//! The format is that of btree versions 8 to 10 (Berkeley DB 5 writes 9), in both
//! byte orders. The files lag behind the log while the original runs, and stay so
//! if it is killed (BEHAVIOUR G): see [`changes_pending`].

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

mod leaf;
mod log;
mod meta;
mod page;
mod pages;
#[cfg(test)]
mod tests;

pub use log::changes_pending;
pub use meta::OpenError;
pub use page::Lsn;

use meta::META_BYTES;
use page::{LEAF, Layout, is_btree_kind};

/// The number of notes a [`Summary`] keeps.
const MAX_NOTES: usize = 20;

#[derive(Debug)]
pub struct BerkeleyFile {
    file: File,
    layout: Layout,
    /// The number of whole pages.
    count: u32,
    /// Bytes after the last whole page.
    remainder: u64,
    /// The highest page number according to the first page; 0 in old versions.
    last: u32,
}

/// The result of [`BerkeleyFile::read`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The rows that were read. Further values of keys that have several are skipped, of
    /// a key with very many all; the original's databases have none.
    pub rows: u64,
    /// Leaf pages do not follow each other, so that some rows came in no order, and a
    /// key may have come twice.
    pub salvaged: bool,
    /// Pages that could not be read, some of which may have held rows.
    pub lost_pages: u64,
    /// Rows that could not be read, on pages that could.
    pub lost_items: u64,
    /// The first 20 findings, each with its page.
    pub notes: Vec<String>,
    /// Place in the log of the last change that reached this file, for
    /// [`changes_pending`].
    pub newest_change: Lsn,
}

impl Summary {
    pub fn is_damaged(&self) -> bool {
        self.salvaged || self.lost_pages > 0 || self.lost_items > 0
    }

    fn lose_page(&mut self, note: String) {
        self.lost_pages += 1;
        self.note(note);
    }

    fn lose_item(&mut self, note: String) {
        self.lost_items += 1;
        self.note(note);
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        }
    }
}

/// An item or a step of [`BerkeleyFile::read`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit<'a> {
    Row(&'a [u8], &'a [u8]),
    /// The end of a page with rows, with the bytes read so far and their total.
    Leaf {
        /// Bytes.
        done: u64,
        /// Bytes.
        of: u64,
    },
}

impl BerkeleyFile {
    /// Opens a file and reads its first page.
    pub fn open(path: &Path) -> Result<BerkeleyFile, OpenError> {
        // Checked first: opening a pipe would wait for its other end.
        if !fs::metadata(path).map_err(OpenError::Io)?.is_file() {
            return meta::refused("is not a regular file");
        }
        let file = File::open(path).map_err(OpenError::Io)?;
        let length = file.metadata().map_err(OpenError::Io)?.len();
        if length == 0 {
            return Err(OpenError::Empty);
        }
        let mut start = Vec::with_capacity(META_BYTES);
        (&file).take(META_BYTES as u64).read_to_end(&mut start).map_err(OpenError::Io)?;
        let (layout, last) = meta::parse(&start)?;
        let page_size = layout.page_size as u64;
        // Page numbers have 32 bits: what comes after cannot be referred to.
        let count = u32::try_from(length / page_size).unwrap_or(u32::MAX);
        Ok(BerkeleyFile { file, layout, count, remainder: length % page_size, last })
    }

    /// Place in the log of the last change that reached this file, see
    /// [`changes_pending`].
    pub fn newest_change(&self) -> Lsn {
        let mut summary = Summary::default();
        self.leaves(&mut summary);
        summary.newest_change
    }

    /// Calls `take` with each key and its value, in key order if the file is sound, and
    /// after each page with the progress.
    pub fn read(&self, mut take: impl FnMut(Visit<'_>)) -> Summary {
        let mut summary = Summary::default();
        let leaves = self.leaves(&mut summary);
        let bytes = |pages: usize| (pages * self.layout.page_size) as u64;
        for (index, number) in leaves.iter().enumerate() {
            let mut row = |key: &[u8], value: &[u8]| take(Visit::Row(key, value));
            leaf::rows(self, *number, &mut summary, &mut row);
            take(Visit::Leaf { done: bytes(index + 1), of: bytes(leaves.len()) });
        }
        summary
    }

    /// Looks at the headers of all pages. Returns the leaf pages in key order; in a
    /// damaged file, followed by those to which no other leaf leads.
    fn leaves(&self, summary: &mut Summary) -> Vec<u32> {
        let mut neighbours = BTreeMap::new();
        for number in 0..self.count {
            match self.header(number) {
                Ok(header) => {
                    summary.newest_change = summary.newest_change.max(header.lsn);
                    if header.kind == LEAF {
                        // A page that was written to another's place follows none.
                        let is_own = header.number == number;
                        let previous = if is_own { header.previous } else { u32::MAX };
                        neighbours.insert(number, (previous, header.next));
                    }
                    if number > 0 && !is_btree_kind(header.kind) {
                        let kind = header.kind;
                        summary.lose_page(format!("page {number} is of the unknown type {kind}"));
                    }
                }
                Err(reason) => summary.lose_page(reason),
            }
        }
        if self.remainder > 0 {
            let number = self.count;
            let bytes = self.remainder;
            summary.lose_page(format!("page {number}: the file ends after {bytes} bytes of it"));
        }
        let count = neighbours.len();
        let (mut leaves, next) = in_order(&mut neighbours);
        // An empty tree has a leaf page, too.
        if next != 0 || !neighbours.is_empty() || count == 0 {
            let last = leaves.last().copied().unwrap_or(0);
            summary.salvaged = true;
            summary.note(match next {
                0 if count == 0 => "there is no leaf page".to_owned(),
                0 => format!("only {} of {count} leaf pages follow each other", leaves.len()),
                _ => format!("page {next} is not the leaf page after {last}"),
            });
            self.count_missing(summary);
        }
        leaves.extend(neighbours.into_keys());
        leaves
    }

    /// Counts the pages that are missing at the end of a damaged file. In a sound
    /// file the number is not reliable: `db_upgrade` writes one too many.
    fn count_missing(&self, summary: &mut Summary) {
        let there = u64::from(self.count) + u64::from(self.remainder > 0);
        let missing = (u64::from(self.last) + 1).saturating_sub(there);
        if missing > 0 {
            summary.lost_pages += missing;
            summary.note(format!("the last {missing} pages are missing"));
        }
    }
}

/// Removes the leaf pages that follow each other from the first one on, given the
/// previous and the next page of each. Returns them in order, and the page to which the
/// last one leads: 0 if it is the end.
fn in_order(neighbours: &mut BTreeMap<u32, (u32, u32)>) -> (Vec<u32>, u32) {
    let mut leaves = Vec::new();
    let first = neighbours.iter().find(|(_, (previous, _))| *previous == 0);
    let (mut before, mut number) = (0, first.map_or(0, |(number, _)| *number));
    while let Some((previous, next)) = neighbours.remove(&number) {
        if previous != before {
            neighbours.insert(number, (previous, next));
            break;
        }
        leaves.push(number);
        (before, number) = (number, next);
    }
    (leaves, number)
}
