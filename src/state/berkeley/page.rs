//! The content of one page, as pure functions over its bytes.
//!
//! Every number may be wrong: none is followed, added or used as an index before
//! it is known to stay inside the page.

/// Bytes of the header that every page but the first starts with.
pub(super) const HEADER_BYTES: usize = 26;

pub(super) const LEAF: u8 = 5;
/// A page with a part of a key or value too long for its leaf.
pub(super) const OVERFLOW: u8 = 7;

/// Returns true if pages of this type occur in a btree file. Besides the types
/// above: 0 are free pages, 3 leads to other pages, 4, 6 and 12 are the trees of keys
/// with many values.
pub(super) fn is_btree_kind(kind: u8) -> bool {
    matches!(kind, 0 | 3 | 4 | LEAF | 6 | OVERFLOW | 12)
}

/// The byte order of the machine that created the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// The number at offset `at`, if it lies inside `bytes`.
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let number = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            ByteOrder::Little => u16::from_le_bytes(number),
            ByteOrder::Big => u16::from_be_bytes(number),
        })
    }

    /// The number at offset `at`, if it lies inside `bytes`.
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let number = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            ByteOrder::Little => u32::from_le_bytes(number),
            ByteOrder::Big => u32::from_be_bytes(number),
        })
    }
}

/// Log sequence number: the place in Berkeley DB's log of a change. Each page
/// carries that of the last change written to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lsn {
    /// Number of the log file: 3 is `log.0000000003`. 0 on pages that were
    /// changed without a log.
    pub file: u32,
    /// Bytes from the start of that file.
    pub offset: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) order: ByteOrder,
    /// Bytes of a page, a power of two from 512 to 65,536.
    pub(super) page_size: usize,
    /// The start of a page's content: after the header, and after the checksum in
    /// files that have one.
    pub(super) content: usize,
}

pub(super) struct Header {
    pub(super) lsn: Lsn,
    pub(super) number: u32,
    /// The page before this one on the same level or chain, 0 for none.
    pub(super) previous: u32,
    /// The page after this one, 0 for none.
    pub(super) next: u32,
    pub(super) entries: u16,
    /// On an overflow page, the bytes of its content.
    pub(super) length: u16,
    pub(super) kind: u8,
}

impl Header {
    /// `None` if there are fewer than [`HEADER_BYTES`].
    pub(super) fn parse(order: ByteOrder, page: &[u8]) -> Option<Header> {
        Some(Header {
            lsn: Lsn { file: order.u32(page, 0)?, offset: order.u32(page, 4)? },
            number: order.u32(page, 8)?,
            previous: order.u32(page, 12)?,
            next: order.u32(page, 16)?,
            entries: order.u16(page, 20)?,
            length: order.u16(page, 22)?,
            kind: *page.get(25)?,
        })
    }
}

/// A key or a value as a leaf page has it.
pub(super) struct Item<'a> {
    /// Deleted while a cursor stood on it, and not yet taken off the page.
    pub(super) deleted: bool,
    pub(super) content: Content<'a>,
}

/// The place of an item's bytes.
pub(super) enum Content<'a> {
    Here(&'a [u8]),
    /// `length` bytes on a chain of overflow pages.
    Overflow {
        first: u32,
        length: u32,
    },
    /// In another tree, with the key's other values.
    Duplicates,
}

/// The items of a leaf page, found by the index of offsets after its
/// header.
pub(super) struct Items<'a> {
    layout: Layout,
    page: &'a [u8],
    count: usize,
}

impl<'a> Items<'a> {
    /// Fails if the page is too small for the items it claims to hold.
    pub(super) fn new(layout: Layout, page: &'a [u8], header: &Header) -> Result<Self, String> {
        let count = usize::from(header.entries);
        if layout.content + 2 * count > page.len() {
            return Err(format!("claims to hold {count} items"));
        }
        Ok(Items { layout, page, count })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns the place of item `index` on the page; 0, which is never valid,
    /// beyond the last one.
    pub(super) fn offset(&self, index: usize) -> usize {
        if index >= self.count {
            return 0;
        }
        let at = self.layout.content + 2 * index;
        self.layout.order.u16(self.page, at).map_or(0, usize::from)
    }

    /// Item `index`.
    pub(super) fn item(&self, index: usize) -> Result<Item<'a>, String> {
        const DELETED: u8 = 0x80;
        let order = self.layout.order;
        let offset = self.offset(index);
        if offset < self.layout.content + 2 * self.count {
            return Err(outside());
        }
        let item = self.page.get(offset..).ok_or_else(outside)?;
        let kind = *item.get(2).ok_or_else(outside)?;
        let content = match kind & !DELETED {
            1 => {
                let length = order.u16(item, 0).map(usize::from);
                let bytes = length.and_then(|length| item.get(3..3 + length));
                Content::Here(bytes.ok_or_else(outside)?)
            }
            2 => Content::Duplicates,
            3 => Content::Overflow {
                first: order.u32(item, 4).ok_or_else(outside)?,
                length: order.u32(item, 8).ok_or_else(outside)?,
            },
            other => return Err(format!("is of the unknown type {other}")),
        };
        Ok(Item { deleted: kind & DELETED != 0, content })
    }
}

fn outside() -> String {
    "lies outside its page".to_owned()
}
