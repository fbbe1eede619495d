//! The rows of one leaf page, handed on one at a time.

use super::Summary;
use super::page::{Content, Item, Items};
use super::pages::Pages;

/// Reads leaf pages. Holds the only buffers that this needs: two pages, a key and a
/// value.
pub(super) struct LeafReader<'a> {
    pages: &'a Pages,
    page: Vec<u8>,
    /// A page of a long item.
    part: Vec<u8>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<'a> LeafReader<'a> {
    pub(super) fn new(pages: &'a Pages) -> LeafReader<'a> {
        let page = vec![0; pages.layout.page_size];
        LeafReader { pages, part: page.clone(), page, key: Vec::new(), value: Vec::new() }
    }

    /// Calls `row` for each pair on page `number`, and counts rows and damage.
    pub(super) fn rows(
        &mut self,
        number: u32,
        summary: &mut Summary,
        row: &mut impl FnMut(&[u8], &[u8]),
    ) {
        let LeafReader { pages, page, part, key, value } = self;
        let items = match load(pages, number, page) {
            Ok(items) => items,
            Err(reason) => return summary.lose_page(reason),
        };
        let mut key_before = None;
        for index in (0..items.count()).step_by(2) {
            // The values of one key share the key's bytes on the page.
            let key_at = Some(items.offset(index));
            let found = items.item(index + 1).and_then(|of_value| match of_value {
                // A deleted row is marked on its value alone.
                Item { deleted: true, .. } => Ok(Found::Deleted),
                Item { content: Content::Duplicates, .. } => Ok(Found::Duplicates),
                Item { content, .. } => {
                    copy(pages, &items.item(index)?.content, part, key)?;
                    copy(pages, &content, part, value)?;
                    Ok(Found::Row)
                }
            });
            match found {
                Ok(Found::Row) if key_at == key_before => summary.duplicates += 1,
                Ok(Found::Row) => {
                    key_before = key_at;
                    summary.rows += 1;
                    row(key, value);
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

/// The content of a pair of items.
enum Found {
    Row,
    Deleted,
    /// A key with so many values that they have their own tree.
    Duplicates,
}

fn load<'p>(pages: &Pages, number: u32, page: &'p mut [u8]) -> Result<Items<'p>, String> {
    let header = pages.read(number, page)?;
    Items::new(pages.layout, page, &header).map_err(|reason| format!("page {number} {reason}"))
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
