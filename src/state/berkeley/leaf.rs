//! The rows of one leaf page, handed on one at a time.

use super::page::{Content, Items};
use super::{BerkeleyFile, Summary};
use std::borrow::Cow;

/// Calls `row` for each pair on page `number`, and counts rows and damage.
pub(super) fn rows(
    file: &BerkeleyFile,
    number: u32,
    summary: &mut Summary,
    row: &mut impl FnMut(&[u8], &[u8]),
) {
    let mut page = vec![0; file.layout.page_size];
    let header = file.page(number, &mut page);
    let items = header.and_then(|header| {
        let items = Items::new(file.layout, &page, &header);
        items.map_err(|reason| format!("page {number} {reason}"))
    });
    let items = match items {
        Ok(items) => items,
        Err(reason) => return summary.lose_page(reason),
    };
    let mut key_before = None;
    for index in (0..items.count()).step_by(2) {
        // The values of one key share the key's bytes on the page: only the first counts.
        let key_at = Some(items.offset(index));
        match pair(file, &items, index) {
            Ok(Some((key, value))) if key_at != key_before => {
                key_before = key_at;
                summary.rows += 1;
                row(&key, &value);
            }
            Ok(_) => {}
            Err(reason) => summary.lose_item(format!("page {number}, item {index}: {reason}")),
        }
    }
}

/// A key and its value.
type Row<'p> = (Cow<'p, [u8]>, Cow<'p, [u8]>);

/// Returns the key at an index and its value; `None` if the row is deleted, or if the
/// key has so many values that they have their own tree.
fn pair<'p>(
    file: &BerkeleyFile,
    items: &Items<'p>,
    index: usize,
) -> Result<Option<Row<'p>>, String> {
    let value = items.item(index + 1)?;
    // A deleted row is marked on its value alone.
    if value.deleted || matches!(value.content, Content::Duplicates) {
        return Ok(None);
    }
    let key = bytes(file, items.item(index)?.content)?;
    Ok(Some((key, bytes(file, value.content)?)))
}

fn bytes<'p>(file: &BerkeleyFile, content: Content<'p>) -> Result<Cow<'p, [u8]>, String> {
    match content {
        Content::Here(bytes) => Ok(bytes.into()),
        Content::Overflow { first, length } => file.overflow(first, length).map(Cow::from),
        Content::Duplicates => Err("has values where its key should be".to_owned()),
    }
}
