//! The rows of one leaf page, handed on one at a time.

use super::Summary;
use super::page::{Content, Items};
use super::pages::Pages;

/// Reads leaf pages. Holds the only buffers that reading a file needs: two
/// pages, a key and a value.
pub(super) struct LeafReader<'a> {
    page: Vec<u8>,
    row: RowReader<'a>,
}

impl<'a> LeafReader<'a> {
    pub(super) fn new(pages: &'a Pages) -> LeafReader<'a> {
        let size = pages.layout.page_size;
        LeafReader {
            page: vec![0; size],
            row: RowReader { pages, key: Vec::new(), value: Vec::new(), part: vec![0; size] },
        }
    }

    /// Calls `row` for each pair on page `number`, and counts rows and damage.
    pub(super) fn rows(
        &mut self,
        number: u32,
        summary: &mut Summary,
        row: &mut impl FnMut(&[u8], &[u8]),
    ) {
        let items = match load(self.row.pages, number, &mut self.page) {
            Ok(items) => items,
            Err(reason) => return summary.lose_page(reason),
        };
        let mut key_before = None;
        for index in (0..items.count()).step_by(2) {
            // The values of one key share the key's bytes on the page.
            let key_at = Some(items.offset(index));
            match self.row.read(&items, index) {
                Ok(Found::Row) if key_at == key_before => summary.duplicates += 1,
                Ok(Found::Row) => {
                    key_before = key_at;
                    summary.rows += 1;
                    row(&self.row.key, &self.row.value);
                }
                Ok(Found::Deleted) => {}
                Ok(Found::Duplicates) => summary.duplicates += 1,
                Err(reason) => {
                    summary.lose_item(format!("page {number}, item {index}: {reason}"));
                }
            }
        }
    }
}

fn load<'p>(pages: &Pages, number: u32, page: &'p mut [u8]) -> Result<Items<'p>, String> {
    let header = pages.read(number, page)?;
    Items::new(pages.layout, page, &header).map_err(|reason| format!("page {number} {reason}"))
}

/// Reads single rows, wherever their bytes are.
struct RowReader<'a> {
    pages: &'a Pages,
    key: Vec<u8>,
    value: Vec<u8>,
    /// A buffer for the parts of long items.
    part: Vec<u8>,
}

/// The content of a pair of items.
enum Found {
    /// A row; key and value are in the reader.
    Row,
    Deleted,
    /// A key with so many values that they have their own tree.
    Duplicates,
}

impl RowReader<'_> {
    /// Reads the pair whose key is item `index`.
    fn read(&mut self, items: &Items<'_>, index: usize) -> Result<Found, String> {
        // A deleted row is marked on its value alone.
        let value = items.item(index + 1)?;
        if value.deleted {
            return Ok(Found::Deleted);
        }
        if matches!(value.content, Content::Duplicates) {
            return Ok(Found::Duplicates);
        }
        let key = items.item(index)?;
        copy(self.pages, &key.content, &mut self.part, &mut self.key)?;
        copy(self.pages, &value.content, &mut self.part, &mut self.value)?;
        Ok(Found::Row)
    }
}

fn copy(
    pages: &Pages,
    content: &Content<'_>,
    part: &mut [u8],
    item: &mut Vec<u8>,
) -> Result<(), String> {
    match *content {
        Content::Here(bytes) => {
            item.clear();
            item.extend_from_slice(bytes);
            Ok(())
        }
        Content::Overflow { first, length } => pages.overflow(first, length, part, item),
        Content::Duplicates => Err("has values where its key should be".to_owned()),
    }
}
