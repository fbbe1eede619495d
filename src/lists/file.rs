//! Reads files into rules: one rule per line, `#` starts a comment anywhere
//! (BEHAVIOUR F1). Rules and warnings have their file and line.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use nix::fcntl::OFlag;

use super::diagnostics::{Diagnostics, Warning};
use super::dropins;
use super::location::Location;

/// Files of more bytes are refused: no real list is as large, and a log file
/// named by mistake must not fill the memory.
const MAX_FILE_SIZE: u64 = 32 * 1024 * 1024;

/// Written by some editors before the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns the rule on a line of a file as it is now, for display; `None` if the
/// file has fewer lines now.
pub fn read_line(location: &Location) -> Option<String> {
    let bytes = read_one(&location.file).ok()?;
    let (_, line) = numbered(&bytes).find(|(number, _)| *number == location.line)?;
    Some(String::from_utf8_lossy(rule_of(line)).into_owned())
}

/// The content of a list, and the file name for warnings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub file: PathBuf,
    /// All its bytes.
    pub bytes: Vec<u8>,
}

impl Text {
    /// Returns the rules with their lines, without comments and blanks.
    pub(super) fn rules<'t>(
        &'t self,
        diagnostics: &mut Diagnostics,
    ) -> impl Iterator<Item = (Location, &'t [u8])> + use<'t> {
        // The original reads the mark as part of the first rule, which then
        // matches nothing: the file has to be changed for both.
        if self.has_byte_order_mark() {
            diagnostics.about(
                &Location { file: self.file.as_path().into(), line: 1 },
                "starts with a byte order mark, which the \
                original does not understand; save the file as plain UTF-8 without one",
            );
        }
        let rules = self.lines().map(|(location, line)| (location, rule_of(line)));
        rules.filter(|(_, rule)| !rule.is_empty())
    }

    /// Returns all lines with their comments, without a byte order mark.
    pub fn lines(&self) -> impl Iterator<Item = (Location, &[u8])> {
        let file: Arc<Path> = self.file.as_path().into();
        let bytes = self.bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.bytes);
        numbered(bytes)
            .map(move |(line, bytes)| (Location { file: Arc::clone(&file), line }, bytes))
    }

    /// Returns true if it starts with a byte order mark.
    pub fn has_byte_order_mark(&self) -> bool {
        self.bytes.starts_with(BYTE_ORDER_MARK)
    }
}

/// Perl's `\s` on bytes. The standard library's `is_ascii_whitespace` lacks the
/// vertical tab.
pub(super) fn is_blank(byte: &u8) -> bool {
    byte.is_ascii_whitespace() || *byte == b'\x0b'
}

fn numbered(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    (1..).zip(bytes.split(|&byte| byte == b'\n'))
}

/// Returns the rule of a line: the line without comment and blanks.
pub fn rule_of(line: &[u8]) -> &[u8] {
    trim(line.split(|&byte| byte == b'#').next().unwrap_or_default())
}

pub fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !is_blank(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    &bytes[start..end]
}

/// Reads the files of a list once, and returns warnings about those that cannot
/// be read.
pub fn read_files(lists: &[PathBuf]) -> (Vec<Text>, Vec<Warning>) {
    let mut unreadable = Vec::new();
    let texts = read(lists, &mut Known::new(), &mut unreadable);
    (texts, unreadable)
}

/// The last content of each file that could be read.
pub(super) type Known = HashMap<PathBuf, Vec<u8>>;

/// Reads all files, each followed by its drop-ins. A file that cannot be read
/// keeps its last content from `known`, where the original would continue with an
/// empty list (BEHAVIOUR C5). A missing file is reported unless its name ends in
/// `.local`.
pub(super) fn read(lists: &[PathBuf], known: &mut Known, warnings: &mut Vec<Warning>) -> Vec<Text> {
    let mut files = Vec::new();
    for list in lists {
        read_known(list, known, warnings);
        files.push(list.clone());
        files.extend(read_dropins(list, lists, known, warnings));
    }
    let text = |file: PathBuf| Some(Text { bytes: known.get(&file)?.clone(), file });
    files.into_iter().filter_map(text).collect()
}

/// Reads a file into `known` if only root can have put it where it is.
pub(super) fn read_ahead(file: &Path, known: &mut Known) {
    if !is_of_root(file) {
        return;
    }
    if let Ok(bytes) = read_one(file) {
        known.insert(file.to_owned(), bytes);
    }
}

/// Returns true if only root can choose what is at this path. Through a link, the
/// daemon's user could make root read any file and find its lines in the log.
fn is_of_root(path: &Path) -> bool {
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    let is_safe = |part: &Path| {
        part.symlink_metadata().is_ok_and(|it| {
            let is_fixed =
                it.mode() & WRITABLE_BY_OTHERS == 0 || it.is_dir() && it.mode() & STICKY != 0;
            it.uid() == 0 && is_fixed && (it.is_dir() || it.is_file() && it.nlink() == 1)
        })
    };
    path.is_absolute() && path.ancestors().all(is_safe)
}

/// Reads one file into `known`.
fn read_known(file: &Path, known: &mut Known, warnings: &mut Vec<Warning>) {
    match read_one(file) {
        Ok(bytes) => {
            known.insert(file.to_owned(), bytes);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_local(file) => {
            known.remove(file);
        }
        Err(error) => warnings.push(unreadable(file, &error, known.contains_key(file))),
    }
}

/// Reads the drop-ins of a list and returns their names; if the directory cannot
/// be read, those that are known. Deleted files are forgotten.
fn read_dropins(
    list: &Path,
    lists: &[PathBuf],
    known: &mut Known,
    warnings: &mut Vec<Warning>,
) -> Vec<PathBuf> {
    let known_before = known.keys().filter(|file| dropins::is_dropin(list, file));
    let mut known_before: Vec<PathBuf> = known_before.cloned().collect();
    known_before.sort();
    let files = match dropins::files(list) {
        Ok(Some(files)) => files,
        Ok(None) => return known_before,
        Err(error) => {
            warnings.push(unreadable(&dropins::directory(list), &error, !known_before.is_empty()));
            return known_before;
        }
    };
    let is_gone = |file: &&PathBuf| files.binary_search(file).is_err() && !lists.contains(file);
    for gone in known_before.iter().filter(is_gone) {
        known.remove(gone);
    }
    for file in &files {
        read_known(file, known, warnings);
    }
    files
}

fn unreadable(path: &Path, error: &io::Error, is_known: bool) -> Warning {
    let mut why = reason(error);
    if is_known {
        why.push_str("; its rules stay as they were");
    }
    Warning::unreadable(path, &why)
}

/// The files of these lists and their drop-ins, as far as they can be read.
pub(super) fn all(lists: &[PathBuf]) -> Vec<PathBuf> {
    let with_others = |list: &PathBuf| {
        let others = dropins::files(list).ok().flatten().unwrap_or_default();
        std::iter::once(list.clone()).chain(others)
    };
    lists.iter().flat_map(with_others).collect()
}

/// The last change of the newest file of these lists.
pub(super) fn newest_change(lists: &[PathBuf]) -> Option<SystemTime> {
    all(lists).iter().filter_map(|file| file.metadata().ok()?.modified().ok()).max()
}

fn is_local(file: &Path) -> bool {
    file.as_os_str().as_encoded_bytes().ends_with(b".local")
}

fn read_one(path: &Path) -> io::Result<Vec<u8>> {
    // Non-blocking: opening a pipe would otherwise wait for its writer.
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    check_kind(&file)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_SIZE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_SIZE {
        let limit = MAX_FILE_SIZE / (1024 * 1024);
        return Err(io::Error::other(format!("File larger than {limit} MiB, is it a list?")));
    }
    // Left by a power failure in a file that was just written.
    if bytes.contains(&0) {
        return Err(io::Error::other("File with NUL bytes, is it a list?"));
    }
    Ok(bytes)
}

fn check_kind(file: &File) -> io::Result<()> {
    let kind = file.metadata()?.file_type();
    // Opening a directory succeeds; reading it fails with the system's message.
    if kind.is_file() || kind.is_char_device() || kind.is_dir() {
        return Ok(());
    }
    Err(io::Error::other("Not a regular file, write the rules into one"))
}

/// The system's message without the `(os error N)` that Rust adds.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(number) => text.replace(&format!(" (os error {number})"), ""),
        None => text,
    }
}
