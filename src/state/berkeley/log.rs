//! Changes that are in Berkeley DB's log and not yet in the databases.
//!
//! The original writes each change to `log.NNNNNNNNNN` at once, and to its
//! databases once an hour and when it stops. If it is killed, its files lack up
//! to an hour, or everything if they are new (BEHAVIOUR G).

use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use super::page::{ByteOrder, Lsn};

/// Returns true if the log in `dbdir` holds a finished change later than `newest`, the
/// latest [`Summary::newest_change`](super::Summary) of all databases there:
/// they then lack it until `db_recover`, or a start of the original, brings
/// them up to date. Changes in removed log files count as written back.
pub fn changes_pending(dbdir: &Path, newest: Lsn) -> io::Result<bool> {
    for entry in fs::read_dir(dbdir)? {
        let entry = entry?;
        let Some(file) = log_number(entry.file_name().as_encoded_bytes()) else {
            continue;
        };
        let may_have_changes = file >= newest.file && entry.file_type()?.is_file();
        if may_have_changes && finishes_a_change(File::open(entry.path())?, file, newest)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// 3 for `log.0000000003`.
fn log_number(name: &[u8]) -> Option<u32> {
    let digits = name.strip_prefix(b"log.")?;
    if digits.len() != 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Looks for a change after `newest` together with its end: the original's
/// changes are transactions, one after the other, and one without its end never
/// happened. `file` is the number of the log.
fn finishes_a_change(log: File, file: u32, newest: Lsn) -> io::Result<bool> {
    const COMMITTED: u32 = 10;
    const ADDED_OR_REMOVED: u32 = 41;
    const DELETED: u32 = 57;
    const REPLACED: u32 = 58;

    let mut log = BufReader::new(log);
    let (mut order, mut offset, mut changing) = (None, 0_u32, None);
    while let Some(start) = record_start(&mut log)? {
        let Some(order) = *order.get_or_insert_with(|| byte_order(&start)) else {
            break;
        };
        let field = |at| order.u32(&start, at).unwrap_or_default();
        let (length, kind, transaction) = (field(4), field(12), field(16));
        // The rest of the last file is zeros.
        let rest = length.checked_sub(START_BYTES as u32);
        let (Some(rest), Some(next)) = (rest, offset.checked_add(length)) else {
            break;
        };
        match kind {
            ADDED_OR_REMOVED | DELETED | REPLACED if Lsn { file, offset } > newest => {
                changing = Some(transaction);
            }
            COMMITTED if changing == Some(transaction) => return Ok(true),
            _ => {}
        }
        log.seek_relative(i64::from(rest))?;
        offset = next;
    }
    Ok(false)
}

/// Bytes read of a record: the offset of the one before, its own length in bytes, a
/// checksum, its type, its transaction.
const START_BYTES: usize = 20;

/// In place of its type the first record has a magic number; `None` if the file is not a
/// log.
fn byte_order(start: &[u8]) -> Option<ByteOrder> {
    let orders = [ByteOrder::Little, ByteOrder::Big];
    orders.into_iter().find(|order| order.u32(start, 12) == Some(0x0004_0988))
}

fn record_start(log: &mut impl Read) -> io::Result<Option<[u8; START_BYTES]>> {
    let mut start = [0; START_BYTES];
    match log.read_exact(&mut start) {
        Ok(()) => Ok(Some(start)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}
