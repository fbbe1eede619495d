//! Opening the journal: what it holds, and what can be wrong with it.

use super::format::{HALF, HEADER, Header, VERSION};
use super::scan::{Half, OwnedRow, Window, scan};
use super::{FILE_NAME, Journal};
use crate::state::Error;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::geteuid;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The records of a journal that LMDB may not have.
#[derive(Debug, Default)]
pub struct Replayed {
    /// The records that a sweep was writing, in order.
    pub old: Vec<OwnedRow>,
    /// The records after these, in order.
    pub young: Vec<OwnedRow>,
    /// The damage of the file.
    pub warning: Option<String>,
}

/// Opens the journal of a database. `known` are the database's identity and the last
/// generation that it has wholly.
///
/// # Errors
/// When the file is not one that this program may use; the text names it and what to
/// do. The file stays as it is.
pub fn open(path: PathBuf, known: Option<(u64, u64)>) -> Result<(Journal, Replayed), Error> {
    let (identity, swept) = known.map_or((None, 0), |(id, swept)| (Some(id), swept));
    let mut journal = Journal {
        file: None,
        path,
        identity,
        generation: swept + 1,
        half: 0,
        end: 0,
        blocks: 0,
        durable: 0,
        is_synced: true,
    };
    let Some(file) = open_file(&journal.path)? else {
        return Ok((journal, Replayed::default()));
    };
    let content = content(&file, swept);
    let content = content.map_err(|error| explain("read", &journal.path, &error))?;
    if let Some(Header { version, .. }) = content.header.filter(|it| it.version > VERSION) {
        return Err(Error::new(format!(
            "{} has format {version}, which this version does not know: a newer postgrey wrote \
             it; start that one, or move the file away (the mail seen last is then forgotten)",
            journal.path.display()
        )));
    }
    let is_ours = content.header.is_some_and(|header| Some(header.identity) == identity);
    let is_of_this_size = content.header.is_some_and(|header| header.half == HALF);
    let mut replayed = Replayed::default();
    if let Some(problem) = problem(&content, is_ours) {
        replayed.warning = Some(set_aside(&journal.path, &problem)?);
    } else if is_ours && is_of_this_size && file.sync_data().is_ok() {
        // With `--sync` a killed daemon may have left blocks to the kernel.
        journal.file = Some(file);
    }
    if is_ours {
        replay(content.halves, &mut journal, &mut replayed);
    }
    Ok((journal, replayed))
}

/// The content of a file.
struct Content {
    header: Option<Header>,
    length: usize,
    /// The halves that have records, with their numbers, by generation.
    halves: Vec<(usize, Half)>,
}

fn content(file: &File, swept: u64) -> io::Result<Content> {
    let mut first = [0; HEADER];
    let read = read_at(file, 0, &mut first)?;
    let header = Header::parse(&first[..read]);
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut halves = Vec::new();
    if let Some(Header { half, identity, .. }) = header.filter(|it| it.version <= VERSION) {
        for number in [0, 1] {
            let start = HEADER + number * half;
            let window = Window::new(|offset: usize, into: &mut [u8]| {
                let length = into.len().min(half.saturating_sub(offset));
                read_at(file, start + offset, &mut into[..length])
            });
            halves.extend(scan(window, identity, swept)?.map(|found| (number, found)));
        }
    }
    halves.sort_by_key(|(_, half)| half.generation);
    Ok(Content { header, length, halves })
}

/// Reads as many bytes as there are.
fn read_at(file: &File, offset: usize, mut into: &mut [u8]) -> io::Result<usize> {
    let (mut at, length) = (offset as u64, into.len());
    while !into.is_empty() {
        match file.read_at(into, at)? {
            0 => break,
            read => {
                into = &mut into[read..];
                at += read as u64;
            }
        }
    }
    Ok(length - into.len())
}

/// Takes the records of a file, and continues where it ends.
fn replay(mut halves: Vec<(usize, Half)>, journal: &mut Journal, replayed: &mut Replayed) {
    let Some((number, young)) = halves.pop() else {
        return;
    };
    journal.generation = young.generation;
    journal.half = number;
    journal.end = young.end;
    journal.blocks = young.blocks;
    journal.durable = young.blocks;
    replayed.young = young.rows;
    if let Some((_, old)) = halves.pop() {
        replayed.old = old.rows;
    }
}

/// Describes the damage of a file, if there is any.
fn problem(content: &Content, is_ours: bool) -> Option<String> {
    let Some(header) = content.header else {
        return Some("is damaged: its header is not valid; none of it".to_owned());
    };
    if !is_ours {
        let has_rows = !content.halves.is_empty();
        return has_rows.then(|| "belongs to another database; none of it".to_owned());
    }
    let expected = HEADER + 2 * header.half;
    if content.length < expected {
        let length = content.length;
        return Some(format!("is cut off at {length} of {expected} bytes; the rest of it"));
    }
    content.halves.iter().find_map(|(number, half)| {
        let at = HEADER + number * header.half + half.damage?;
        Some(format!("is damaged at byte {at}; what could be read of it"))
    })
}

/// Keeps a file under another name besides its own, until the next journal replaces
/// it there. Returns a line for the log.
fn set_aside(path: &Path, problem: &str) -> Result<String, Error> {
    let mut kept = path.as_os_str().to_owned();
    kept.push(".damaged");
    let kept = PathBuf::from(kept);
    let linked = match fs::remove_file(&kept) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        // Not every file system has links.
        _ => fs::hard_link(path, &kept).or_else(|_| fs::copy(path, &kept).map(drop)),
    };
    linked.map_err(|error| explain("keep", path, &error))?;
    Ok(format!("{} {problem} was used; it is kept as {}", path.display(), kept.display()))
}

/// Opens the file; `None` if there is none.
fn open_file(path: &Path) -> Result<Option<File>, Error> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let opened = OpenOptions::new().read(true).write(true).custom_flags(flags.bits()).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::ELOOP as i32) => {
            return Err(refuse(path, "is a symbolic link"));
        }
        Err(error) => return Err(explain("open", path, &error)),
    };
    let metadata = file.metadata().map_err(|error| explain("read", path, &error))?;
    if !metadata.is_file() {
        return Err(refuse(path, "is not a regular file"));
    }
    if metadata.uid() != geteuid().as_raw() {
        return Err(refuse(path, &format!("belongs to the user with id {}", metadata.uid())));
    }
    Ok(Some(file))
}

fn refuse(path: &Path, what: &str) -> Error {
    Error::new(format!(
        "{} {what}, and {FILE_NAME} has to be a file of the user that postgrey runs as; move it \
         away",
        path.display()
    ))
}

/// An error of the system about the journal.
pub fn explain(what: &str, path: &Path, error: &io::Error) -> Error {
    let why = error
        .raw_os_error()
        .map_or(error.to_string(), |code| Errno::from_raw(code).desc().to_owned());
    Error::new(format!("can't {what} {}: {why}", path.display()))
}
