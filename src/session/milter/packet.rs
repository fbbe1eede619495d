//! Packets: four bytes with the length of the rest, most significant first, a
//! byte that names the command, and its data.

use std::fmt;
use std::mem;
use std::ops::Range;

/// The longest packet, in bytes without its length: a command and as much data
/// as mail servers put into one (64 KiB less one).
pub const MAX_PACKET_LENGTH: usize = 64 * 1024;

const HEAD: usize = 4;

/// Bytes of the buffer that are kept for the next packet.
const RETAINED_CAPACITY: usize = 4096;

/// A protocol error, which ends the connection. No mail server causes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A packet of no bytes, or of more than [`MAX_PACKET_LENGTH`].
    Length(u32),
    Unknown(u8),
    /// An unexpected or truncated command.
    OutOfPlace(u8),
    /// An offer of a version before 2.
    Version(u32),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Length(length) => {
                write!(f, "invalid packet length {length} (must be 1 to {MAX_PACKET_LENGTH})")
            }
            Fault::Unknown(command) => {
                write!(f, "unknown command '{}'", command.escape_ascii())
            }
            Fault::OutOfPlace(command) => {
                let command = command.escape_ascii();
                write!(f, "the command '{command}' out of place, or without its data")
            }
            Fault::Version(version) => {
                write!(f, "version {version} of the milter protocol; give 2 or more")
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Packets {
    buffer: Vec<u8>,
    start: usize,
}

impl Packets {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..mem::take(&mut self.start));
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete packet: its command and the place of its data.
    pub(super) fn next(&mut self) -> Option<Result<(u8, Range<usize>), Fault>> {
        let (head, rest) = self.buffer[self.start..].split_first_chunk::<HEAD>()?;
        let length = u32::from_be_bytes(*head);
        let whole = usize::try_from(length).ok().filter(|it| (1..=MAX_PACKET_LENGTH).contains(it));
        let Some(whole) = whole else {
            return Some(Err(Fault::Length(length)));
        };
        let command = *rest.get(..whole)?.first()?;
        let data = self.start + HEAD + 1..self.start + HEAD + whole;
        self.start = data.end;
        Some(Ok((command, data)))
    }

    pub(super) fn data(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffer.len() == self.start
    }

    pub(super) fn rest(&mut self) {
        self.buffer.drain(..mem::take(&mut self.start));
        self.buffer.shrink_to(RETAINED_CAPACITY);
    }

    pub(super) fn buffered(&self) -> usize {
        self.buffer.capacity()
    }
}

/// The strings of a packet's data, each of which ends with a NUL; the last may
/// lack it.
pub(super) fn strings(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    data.strip_suffix(b"\0").unwrap_or(data).split(|byte| *byte == 0)
}

/// Appends a packet, whose data comes in parts.
pub(super) fn push(output: &mut Vec<u8>, command: u8, parts: &[&[u8]]) {
    let length = 1 + parts.iter().map(|part| part.len()).sum::<usize>();
    output.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    output.push(command);
    parts.iter().for_each(|part| output.extend_from_slice(part));
}
