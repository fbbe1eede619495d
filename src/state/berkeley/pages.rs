//! Pages read from the file, one at a time. Reading takes no locks and caches nothing.

use std::os::unix::fs::FileExt;

use super::BerkeleyFile;
use super::page::{HEADER_BYTES, Header, OVERFLOW};

/// Longest key or value that is read, in bytes. The original's are at most some
/// 1,100; a length beyond this is damage, not data.
pub(super) const MAX_ITEM_BYTES: u32 = 65_536;

impl BerkeleyFile {
    /// Reads only the header of page `number`.
    pub(super) fn header(&self, number: u32) -> Result<Header, String> {
        self.page(number, &mut [0; HEADER_BYTES])
    }

    /// Fills `page`, at most a page long, from the start of page `number`.
    pub(super) fn page(&self, number: u32, page: &mut [u8]) -> Result<Header, String> {
        if number >= self.count {
            return Err(format!("page {number} lies beyond the end of the file"));
        }
        let offset = u64::from(number) * self.layout.page_size as u64;
        self.file.read_exact_at(page, offset).map_err(|error| format!("page {number}: {error}"))?;
        Header::parse(self.layout.order, page)
            .ok_or_else(|| format!("page {number} is too short for its header"))
    }

    /// Puts together an item of `length` bytes that starts on page `first`. Each page
    /// of the chain must name the one before, so that a chain cannot run in circles.
    pub(super) fn overflow(&self, first: u32, length: u32) -> Result<Vec<u8>, String> {
        if length > MAX_ITEM_BYTES {
            return Err(format!("claims {length} bytes"));
        }
        let length = length as usize;
        let (mut page, mut item) = (vec![0; self.layout.page_size], Vec::with_capacity(length));
        let (mut previous, mut number) = (0, first);
        while item.len() < length {
            let header = self.page(number, &mut page)?;
            let start = self.layout.content;
            let part = page.get(start..start + usize::from(header.length));
            let part = part.unwrap_or_default();
            let belongs = (header.kind, header.number, header.previous)
                == (OVERFLOW, number, previous)
                && !part.is_empty()
                && part.len() <= length - item.len();
            if !belongs {
                return Err(format!("page {number} is not a part of the item"));
            }
            item.extend_from_slice(part);
            (previous, number) = (number, header.next);
        }
        if number != 0 {
            return Err(format!("continues after its {length} bytes"));
        }
        Ok(item)
    }
}
