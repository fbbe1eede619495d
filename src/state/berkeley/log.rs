//! Changes that are in Berkeley DB's log and not yet in the databases.
//!
//! The original writes each change to `log.NNNNNNNNNN` at once, and to its
//! databases once an hour and when it stops. If it is killed, its files lack up
//! to an hour, or everything if they are new (BEHAVIOUR G).

use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read, Seek};
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
        if file >= newest.file && entry.file_type()?.is_file() {
            let log = File::open(entry.path())?;
            if finishes_a_change(Records::new(log, file)?, newest)? {
                return Ok(true);
            }
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
/// happened.
fn finishes_a_change(mut records: Records, newest: Lsn) -> io::Result<bool> {
    const COMMITTED: u32 = 10;
    const ADDED_OR_REMOVED: u32 = 41;
    const DELETED: u32 = 57;
    const REPLACED: u32 = 58;

    let mut changing = None;
    while let Some(record) = records.next()? {
        match record.kind {
            ADDED_OR_REMOVED | DELETED | REPLACED if record.lsn > newest => {
                changing = Some(record.transaction);
            }
            COMMITTED if changing == Some(record.transaction) => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}

/// The common header of log records.
struct Record {
    lsn: Lsn,
    kind: u32,
    transaction: u32,
}

struct Records {
    log: BufReader<File>,
    /// `None` if the file is not a log.
    order: Option<ByteOrder>,
    next: Lsn,
}

impl Records {
    /// Bytes read of a record: the offset of the one before, its own length in
    /// bytes, a checksum, its type, its transaction.
    const START_BYTES: usize = 20;

    fn new(log: File, file: u32) -> io::Result<Records> {
        let mut records =
            Records { log: BufReader::new(log), order: None, next: Lsn { file, offset: 0 } };
        if let Some(start) = records.start()? {
            // In place of its type the first record has a magic number.
            records.order = [ByteOrder::Little, ByteOrder::Big]
                .into_iter()
                .find(|order| order.u32(&start, 12) == Some(0x0004_0988));
            records.log.rewind()?;
        }
        Ok(records)
    }

    /// The next record; `None` after the last, where the rest of the file is
    /// zeros.
    fn next(&mut self) -> io::Result<Option<Record>> {
        let (Some(order), Some(start)) = (self.order, self.start()?) else {
            return Ok(None);
        };
        let field = |at| order.u32(&start, at).unwrap_or_default();
        let length = field(4);
        let record = Record { lsn: self.next, kind: field(12), transaction: field(16) };
        let rest = length.checked_sub(Self::START_BYTES as u32);
        let (Some(rest), Some(offset)) = (rest, self.next.offset.checked_add(length)) else {
            return Ok(None);
        };
        self.log.seek_relative(i64::from(rest))?;
        self.next.offset = offset;
        Ok(Some(record))
    }

    fn start(&mut self) -> io::Result<Option<[u8; Self::START_BYTES]>> {
        let mut start = [0; Self::START_BYTES];
        match self.log.read_exact(&mut start) {
            Ok(()) => Ok(Some(start)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}
