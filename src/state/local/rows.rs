//! Rows as the file has them: keys that are too long for LMDB are shortened.

use lmdb::{Cursor, Database, RoCursor, RwTransaction, WriteFlags};
use std::borrow::Cow;

/// The longest key that is stored as it is. LMDB takes 511 bytes; keys of
/// exactly that length are the shortened ones, so the two kinds cannot meet.
const LONGEST_PLAIN_KEY: usize = 510;

/// How much of a longer key stays readable: with a NUL and 40 digits, 511.
const READABLE_PREFIX: usize = 470;

/// LMDB's name for "the first key that is not before this one", which the crate
/// does not give away (`MDB_cursor_op` in `lmdb.h`).
const SET_RANGE: u32 = 17;

/// The rows from a key on, or all. The crate's own `iter_from` may
/// return a row if there is none.
pub fn rows_from<'txn>(
    cursor: &mut RoCursor<'txn>,
    from: Option<&[u8]>,
) -> Result<impl Iterator<Item = Result<Row<'txn>, lmdb::Error>> + use<'txn>, lmdb::Error> {
    let mut first = None;
    let mut is_over = false;
    if let Some(from) = from {
        match cursor.get(Some(from), None, SET_RANGE) {
            Ok((key, row)) => first = key.map(|key| Ok((key, row))),
            Err(lmdb::Error::NotFound) => is_over = true,
            Err(error) => return Err(error),
        }
    }
    let others = (!is_over).then(|| cursor.iter());
    Ok(first.into_iter().chain(others.into_iter().flatten()))
}

/// A key and its row as the file has them.
pub type Row<'txn> = (&'txn [u8], &'txn [u8]);

/// Writes a row.
pub fn put(
    writer: &mut RwTransaction<'_>,
    database: Database,
    key: &[u8],
    text: &str,
) -> Result<(), lmdb::Error> {
    match stored_key(key) {
        Cow::Borrowed(key) => writer.put(database, &key, &text, WriteFlags::empty()),
        Cow::Owned(short) => {
            let row = [text.as_bytes(), b"\0", key].concat();
            writer.put(database, &short, &row, WriteFlags::empty())
        }
    }
}

/// Writes a row of a new file. One whose key comes after all others needs no
/// search, and fills its page.
pub fn put_new(
    writer: &mut RwTransaction<'_>,
    database: Database,
    key: &[u8],
    text: &[u8],
) -> Result<(), lmdb::Error> {
    let stored = stored_key(key);
    let row = match &stored {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(_) => Cow::Owned([text, b"\0", key].concat()),
    };
    match writer.put(database, &stored, &row, WriteFlags::APPEND) {
        Err(lmdb::Error::KeyExist) => writer.put(database, &stored, &row, WriteFlags::empty()),
        result => result,
    }
}

/// The key as the file has it: one that is too long for LMDB keeps a readable
/// start and is distinguished by its hash. Its row then holds the whole key.
pub fn stored_key(key: &[u8]) -> Cow<'_, [u8]> {
    if key.len() <= LONGEST_PLAIN_KEY {
        return Cow::Borrowed(key);
    }
    let mut short = key[..READABLE_PREFIX].to_vec();
    short.push(0);
    short.extend_from_slice(sha1_smol::Sha1::from(key).digest().to_string().as_bytes());
    Cow::Owned(short)
}

/// The key and the text of a row as they were before [`put`].
pub fn whole<'row>(key: &'row [u8], row: &'row [u8]) -> (&'row [u8], &'row [u8]) {
    let is_short = key.len() > LONGEST_PLAIN_KEY;
    match memchr::memchr(0, row).filter(|_| is_short) {
        Some(end) => (&row[end + 1..], &row[..end]),
        None => (key, row),
    }
}
