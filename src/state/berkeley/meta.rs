//! The first page of a file, which describes its layout.

use std::{fmt, io};

use super::page::{ByteOrder, HEADER_BYTES, Layout};

/// The bytes of the first page that describe the file, for all page sizes.
pub(super) const META_BYTES: usize = 512;

/// The size of a checksum and its padding after the header of each page.
const CHECKSUM_BYTES: usize = 6;

/// The reason for which a file cannot be read; its text follows the file's name.
#[derive(Debug)]
pub enum OpenError {
    Io(io::Error),
    /// No bytes at all: the database never held anything.
    Empty,
    NotBerkeleyDb,
    /// A file that is not read, for this reason.
    Refused(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Io(error) => write!(f, "cannot be read: {error}"),
            OpenError::Empty => f.write_str("is an empty file"),
            OpenError::NotBerkeleyDb => f.write_str("is not a Berkeley DB file"),
            OpenError::Refused(reason) => f.write_str(reason),
        }
    }
}

const NOT_PLAIN: &str = "is a Berkeley DB file, but not a plain btree";

pub(super) fn refused<T>(reason: impl Into<String>) -> Result<T, OpenError> {
    Err(OpenError::Refused(reason.into()))
}

/// Parses the first [`META_BYTES`] of a file; a shorter file is not Berkeley DB. Also
/// returns the highest page number, which is 0 in old versions.
pub(super) fn parse(bytes: &[u8]) -> Result<(Layout, u32), OpenError> {
    const PARTITIONED: u8 = 0x06;
    const CHECKSUMS: u8 = 0x01;
    // Several values for a key can be read (all but the first are skipped), and
    // record counts do not matter.
    const RECNO: u32 = 0x02;
    const SEVERAL: u32 = 0x20;
    const COMPRESSED: u32 = 0x80;

    let bytes = bytes.get(..META_BYTES).ok_or(OpenError::NotBerkeleyDb)?;
    let order = byte_order(bytes)?;
    let number = |at| order.u32(bytes, at).ok_or(OpenError::NotBerkeleyDb);
    let byte = |at| bytes.get(at).copied().ok_or(OpenError::NotBerkeleyDb);

    let version = number(16)?;
    if !(8..=10).contains(&version) {
        return refused(format!(
            "has version {version} of the Berkeley DB btree format; versions 8 to 10 can be \
                 read (db_upgrade converts older ones)"
        ));
    }
    if byte(24)? != 0 {
        return refused("is encrypted");
    }
    let page_size = number(20)?;
    if !page_size.is_power_of_two() || !(512..=65_536).contains(&page_size) {
        return refused(format!("has a damaged first page (it claims pages of {page_size} bytes)"));
    }
    if byte(26)? & PARTITIONED != 0 || number(48)? & (RECNO | SEVERAL | COMPRESSED) != 0 {
        return refused(NOT_PLAIN);
    }
    let checksum = match byte(26)? & CHECKSUMS {
        0 => 0,
        _ => CHECKSUM_BYTES,
    };
    let page_size = page_size as usize;
    Ok((Layout { order, page_size, content: HEADER_BYTES + checksum }, number(32)?))
}

/// Finds the order in which the magic number is valid.
fn byte_order(bytes: &[u8]) -> Result<ByteOrder, OpenError> {
    const AT: usize = 12;
    for order in [ByteOrder::Little, ByteOrder::Big] {
        match order.u32(bytes, AT) {
            Some(0x0005_3162) => return Ok(order),
            // Hash, queue and heap files.
            Some(0x0006_1561 | 0x0004_2253 | 0x0007_4582) => return refused(NOT_PLAIN),
            _ => {}
        }
    }
    Err(OpenError::NotBerkeleyDb)
}
