//! The journal: a file of fixed size in which changed records are durable until a
//! sweep has written them to LMDB.
//!
//! The file has two halves that take turns. Changes are appended to one of them, while
//! the sweep writes the records of the other to LMDB. With the last of these it notes
//! their generation in LMDB, in the same transaction, and that half is free. Records
//! of a generation that is noted there are never read again, so that nothing old can
//! replace something newer: a later refresh, an edit or an expiry.
//!
//! The file is written with zeros when it is made, so that an append changes nothing
//! that the file system would have to sync besides.

mod format;
mod open;
mod scan;

pub use format::{Row, length_of};
pub use open::{Replayed, explain, open};
pub use scan::OwnedRow;

use super::create::{finish, unfinished};
use format::{Block, HALF, HEADER, Header, Place, VERSION, for_each_block};
use nix::errno::Errno;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file's name inside the database directory.
pub const FILE_NAME: &str = "postgrey.journal";

/// Bytes that a half has for blocks.
pub const CAPACITY: usize = HALF;

/// Bytes of the file.
const LENGTH: usize = HEADER + 2 * HALF;

/// The open journal.
#[derive(Debug)]
pub struct Journal {
    /// `None` before it is created, and after a failure, when it has to be created again.
    file: Option<File>,
    path: PathBuf,
    /// The identity of the database; none before the first journal is made.
    identity: Option<u64>,
    /// The generation that is being written. The one before it may be in the other
    /// half.
    generation: u64,
    half: usize,
    /// The bytes of this half that are used.
    end: usize,
    /// The number of blocks in this half.
    blocks: u32,
    /// The number of those that are durable.
    durable: u32,
    is_synced: bool,
}

impl Journal {
    /// The generation that is being written.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The identity of the database.
    pub fn identity(&self) -> Option<u64> {
        self.identity
    }

    /// Sets the identity of the database, which LMDB knows as well.
    pub fn set_identity(&mut self, identity: u64) {
        self.identity = Some(identity);
    }

    /// The bytes that this half has left.
    pub fn room(&self) -> usize {
        HALF - self.end
    }

    /// Returns true if more than half of this half is used.
    pub fn is_filling(&self) -> bool {
        self.end > HALF / 2
    }

    /// Returns true if the file can be appended to and is still the one at its path.
    pub fn is_in_place(&self) -> bool {
        let Some(Ok(ours)) = self.file.as_ref().map(File::metadata) else {
            return false;
        };
        let there = fs::symlink_metadata(&self.path);
        there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()))
            && ours.len() == LENGTH as u64
    }

    /// Returns true if the file was open and is not the one at its path.
    pub fn is_lost(&self) -> bool {
        self.file.is_some() && !self.is_in_place()
    }

    /// Appends rows, for which there is room.
    ///
    /// # Errors
    /// When they cannot be written. The file has to be made again.
    pub fn append<'r>(&mut self, rows: impl Iterator<Item = Row<'r>>) -> io::Result<()> {
        let result = for_each_block(rows, |block| self.append_block(block));
        if result.is_err() {
            self.file = None;
        }
        result
    }

    fn append_block(&mut self, block: &mut Block) -> io::Result<()> {
        let (Some(file), Some(identity)) = (&self.file, self.identity) else {
            return Err(Errno::ENOENT.into());
        };
        let Journal { generation, blocks: sequence, durable, .. } = *self;
        let at = (HEADER + self.half * HALF + self.end) as u64;
        let sealed = block.seal(identity, Place { generation, sequence, durable });
        file.write_all_at(sealed, at)?;
        self.end += sealed.len();
        self.blocks += 1;
        self.is_synced = false;
        Ok(())
    }

    /// Makes all blocks durable.
    ///
    /// # Errors
    /// When the disk fails. The file has to be made again.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.is_synced {
            return Ok(());
        }
        let Some(file) = &self.file else {
            return Err(Errno::ENOENT.into());
        };
        // Not `O_DSYNC`, which takes as long, because of `--sync`.
        if let Err(error) = file.sync_data() {
            self.file = None;
            return Err(error);
        }
        self.durable = self.blocks;
        self.is_synced = true;
        Ok(())
    }

    /// Returns true if all blocks are durable.
    #[cfg(test)]
    pub fn is_synced(&self) -> bool {
        self.is_synced
    }

    /// Starts a new generation in the other half, whose records LMDB must have.
    pub fn rotate(&mut self) {
        self.generation += 1;
        self.half = 1 - self.half;
        (self.end, self.blocks, self.durable) = (0, 0, 0);
    }

    /// Makes a new file with the records of both halves, and puts it in place of the
    /// present one. Both keep their generation, which a sweep that is being written notes
    /// in LMDB.
    ///
    /// # Errors
    /// When it cannot be written. The present file stays.
    pub fn make<'r>(
        &mut self,
        old: impl Iterator<Item = Row<'r>>,
        young: impl Iterator<Item = Row<'r>>,
    ) -> io::Result<()> {
        let Some(identity) = self.identity else {
            return Err(Errno::EINVAL.into());
        };
        let path = unfinished(&self.path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits())
            .open(&path)?;
        fill_with_zeros(&file)?;
        let header = Header { version: VERSION, half: HALF, identity };
        file.write_all_at(&header.bytes(), 0)?;
        write_half(&file, identity, self.generation - 1, 0, old)?;
        let (end, blocks) = write_half(&file, identity, self.generation, 1, young)?;
        file.sync_all()?;
        finish(&path, &self.path)?;
        self.half = 1;
        self.end = end;
        self.blocks = blocks;
        self.durable = blocks;
        self.is_synced = true;
        self.file = Some(file);
        Ok(())
    }
}

/// Writes zeros to the whole file, so that its blocks are there. It is done page by page:
/// the kernel keeps what is written at once together in memory, and an append then counts
/// as a write of all of it.
fn fill_with_zeros(file: &File) -> io::Result<()> {
    let zeros = [0; 4096];
    let mut at = 0;
    while at < LENGTH {
        let length = zeros.len().min(LENGTH - at);
        file.write_all_at(&zeros[..length], at as u64)?;
        at += length;
    }
    Ok(())
}

/// Writes rows to a half. Returns the number of bytes and of blocks.
fn write_half<'r>(
    file: &File,
    identity: u64,
    generation: u64,
    half: usize,
    rows: impl Iterator<Item = Row<'r>>,
) -> io::Result<(usize, u32)> {
    let (mut end, mut blocks) = (0, 0);
    for_each_block(rows, |block| {
        let sealed = block.seal(identity, Place { generation, sequence: blocks, durable: 0 });
        if end + sealed.len() > HALF {
            return Err(Errno::EFBIG.into());
        }
        file.write_all_at(sealed, (HEADER + half * HALF + end) as u64)?;
        end += sealed.len();
        blocks += 1;
        Ok(())
    })?;
    Ok((end, blocks))
}

/// A new identity of a database.
///
/// # Errors
/// When the system has no random numbers.
pub fn new_identity() -> io::Result<u64> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// The path of the journal in the directory of a database.
pub fn path_beside(database: &Path) -> PathBuf {
    database.with_file_name(FILE_NAME)
}
