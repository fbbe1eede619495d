//! Reads the original's databases, Berkeley DB btree files, without Berkeley DB.
//!
//! A file is a sequence of pages of equal size. The first page describes the
//! file; rows are on leaf pages, each of which names its neighbours in key order.
//! Nothing in a file is trusted: a sound tree is walked from its first leaf to
//! its last, in a damaged file every page that still is a leaf is read, and the
//! [`Summary`] reports the rest. Memory does not grow with the file.
//!
//! The format is that of btree versions 8 to 10 (Berkeley DB 5 writes 9), in both
//! byte orders. The files lag behind the log while the original runs, and stay so
//! if it is killed (BEHAVIOUR G): see [`changes_pending`].

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

use leaf::LeafReader;
use meta::{META_BYTES, Meta};
use page::{INTERNAL, Items, LEAF, is_btree_kind};
use pages::Pages;

/// The number of notes a [`Summary`] keeps.
const MAX_NOTES: usize = 20;

#[derive(Debug)]
pub struct BerkeleyFile {
    pages: Pages,
    meta: Meta,
    /// Bytes after the last whole page.
    remainder: u64,
}

/// The result of [`BerkeleyFile::for_each`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub rows: u64,
    /// Further values of keys that have several, skipped. The original's
    /// databases have none. Of a key with very many values all are skipped, and
    /// counted as one.
    pub duplicates: u64,
    /// The tree is broken, so that all pages were searched for rows: they came
    /// in no order, and a key may have come twice.
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
        let meta = Meta::parse(&start)?;
        Ok(BerkeleyFile {
            remainder: length % meta.layout.page_size as u64,
            pages: Pages::new(file, meta.layout, length),
            meta,
        })
    }

    /// Place in the log of the last change that reached this file, see
    /// [`changes_pending`].
    pub fn newest_change(&self) -> Lsn {
        let mut summary = Summary::default();
        self.survey(&mut summary);
        summary.newest_change
    }

    /// Calls `row` with each key and its value, in key order if the file is
    /// sound.
    pub fn for_each(&self, mut row: impl FnMut(&[u8], &[u8])) -> Summary {
        self.read(|step| {
            if let Visit::Row(key, value) = step {
                row(key, value);
            }
        })
    }

    /// Calls `take` with each key and its value, and after each page with the progress.
    pub fn read(&self, mut take: impl FnMut(Visit<'_>)) -> Summary {
        let mut summary = Summary::default();
        let leaves = self.survey(&mut summary);
        let mut reader = LeafReader::new(&self.pages);
        let bytes = |pages: u32| u64::from(pages) * self.pages.layout.page_size as u64;
        let mut done = 0;
        let mut read_leaf = |number, summary: &mut Summary| {
            reader.rows(number, summary, &mut |key, value| take(Visit::Row(key, value)));
            done += 1;
            take(Visit::Leaf { done: bytes(done), of: bytes(leaves) });
        };
        match self.walk(|_| {}) {
            Ok(walked) if walked == leaves => {
                let again = self.walk(|number| read_leaf(number, &mut summary));
                if let Err(reason) = again {
                    summary.lose_page(format!("{reason} (the file changed while it was read)"));
                }
                return summary;
            }
            Ok(walked) => {
                summary.note(format!("the tree leads to {walked} of {leaves} leaf pages"));
            }
            Err(reason) => summary.note(reason),
        }
        summary.salvaged = true;
        self.count_missing(&mut summary);
        for number in 1..self.pages.count {
            let header = self.pages.header(number);
            if header.is_ok_and(|header| header.kind == LEAF) {
                read_leaf(number, &mut summary);
            }
        }
        summary
    }

    /// Looks at the headers of all pages. Returns how many are leaves.
    fn survey(&self, summary: &mut Summary) -> u32 {
        let mut leaves = 0;
        for number in 0..self.pages.count {
            match self.pages.header(number) {
                Ok(header) => {
                    summary.newest_change = summary.newest_change.max(header.lsn);
                    if header.kind == LEAF {
                        leaves += 1;
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
            let number = self.pages.count;
            let bytes = self.remainder;
            summary.lose_page(format!("page {number}: the file ends after {bytes} bytes of it"));
        }
        leaves
    }

    /// Counts the pages that are missing at the end of a damaged file. In a sound
    /// file the number is not reliable: `db_upgrade` writes one too many.
    fn count_missing(&self, summary: &mut Summary) {
        let there = u64::from(self.pages.count) + u64::from(self.remainder > 0);
        let missing = (u64::from(self.meta.last) + 1).saturating_sub(there);
        if missing > 0 {
            summary.lost_pages += missing;
            summary.note(format!("the last {missing} pages are missing"));
        }
    }

    /// Visits the leaf pages in key order and returns how many there are. Each
    /// must name the one before, so that the walk cannot run in circles.
    fn walk(&self, mut visit: impl FnMut(u32)) -> Result<u32, String> {
        let mut walked = 0;
        let (mut previous, mut number) = (0, self.first_leaf()?);
        while number != 0 {
            let header = self.pages.header(number)?;
            if (header.kind, header.number, header.previous) != (LEAF, number, previous) {
                return Err(format!("page {number} is not the leaf page after {previous}"));
            }
            visit(number);
            walked += 1;
            (previous, number) = (number, header.next);
        }
        Ok(walked)
    }

    /// Goes from the root to the first leaf. Levels must sink on the way, so
    /// that there are at most 255 steps.
    fn first_leaf(&self) -> Result<u32, String> {
        let mut page = vec![0; self.pages.layout.page_size];
        let (mut number, mut above) = (self.meta.root, u16::MAX);
        loop {
            let header = self.pages.read(number, &mut page)?;
            let level = u16::from(header.level);
            match header.kind {
                LEAF => return Ok(number),
                INTERNAL if level < above => {
                    above = level;
                    number = Items::new(self.pages.layout, &page, &header)
                        .and_then(|items| items.child(0))
                        .map_err(|reason| format!("page {number} {reason}"))?;
                }
                _ => return Err(format!("page {number} does not lead to a leaf page")),
            }
        }
    }
}
