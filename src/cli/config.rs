//! The configuration file (`--config`): the daemon's options by their long names
//! without dashes, one per line, before those of the command line.
//!
//! A line becomes an argument of the command line, so that a name and its value
//! mean the same in both places. Each line is first parsed separately, so that an
//! error has its line number.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use clap::Command;

use super::getopt::{self, Given};
use super::{convert, shared};

/// Bytes from which a file is refused: what was written for us has a few
/// hundred, and a log file named by mistake must not fill the memory.
const MAX_FILE_SIZE: u64 = 1024 * 1024;

/// Options that exclude each other. If the command line has one, it wins over
/// all of the same group in the file, whichever would win side by side.
const RIVALS: &[&[&str]] = &[
    &["inet", "unix"],
    &["lookup-by-host", "lookup-by-subnet"],
    &["quiet", "verbose"],
    &["x-greylist-header", "no-x-greylist-header"],
];

/// Options that print something or are about the file itself.
const MISPLACED: &[&str] = &["help", "man", "version", "config"];

/// The option that Debian's service passes without a value when no text is set. In that
/// case the text of the file is used.
const TEXT: &str = "greylist-text";

/// A file, and its line, from 1, unless the file as a whole is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePlace {
    pub file: PathBuf,
    pub line: Option<u32>,
}

impl FilePlace {
    pub fn new(file: &Path, line: Option<u32>) -> FilePlace {
        FilePlace { file: file.to_owned(), line }
    }

    /// The options of the command line, or several options together.
    pub fn options() -> FilePlace {
        FilePlace::new(Path::new("(options)"), None)
    }
}

/// An error in the file; `Display` gives `FILE:LINE: what`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub place: FilePlace,
    /// The error, and what to do if it is not obvious.
    pub what: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, what) = (self.place.file.display(), &self.what);
        match self.place.line {
            Some(line) => write!(f, "{file}:{line}: {what}"),
            None => write!(f, "--config={file}: {what}"),
        }
    }
}

/// The options of the file, if one is named, and then those that were `typed`.
pub(super) fn merge(command: &Command, typed: Vec<Given>) -> Result<Vec<Given>, Vec<ConfigError>> {
    let Some(path) = path(&typed) else { return Ok(typed) };
    let bytes = read(&path).map_err(|error| {
        let what = format!("can't be read: {}", crate::daemon::errno(&error).desc());
        let what = if error.raw_os_error().is_some() { what } else { error.to_string() };
        vec![ConfigError { place: FilePlace::new(&path, None), what }]
    })?;
    let mut options = parse(command, &path, &bytes)?;
    let has_text = options.iter().any(|given| given.name == TEXT);
    options.retain(|given| !typed.iter().any(|typed| excludes(typed, given)));
    let is_empty_text = |given: &Given| given.name == TEXT && given.value.is_none();
    options.extend(typed.into_iter().filter(|given| !(has_text && is_empty_text(given))));
    Ok(options)
}

pub(super) fn path(options: &[Given]) -> Option<PathBuf> {
    let config = options.iter().rev().find(|given| given.name == "config");
    config.map(|given| given.value.clone().unwrap_or_default().into())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_SIZE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_SIZE {
        return Err(io::Error::other("is larger than 1 MiB: are these options?"));
    }
    Ok(bytes)
}

fn parse(command: &Command, file: &Path, bytes: &[u8]) -> Result<Vec<Given>, Vec<ConfigError>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let (mut options, mut faults) = (Vec::new(), Vec::new());
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        match setting(line).and_then(|setting| setting.map(|it| it.option(command)).transpose()) {
            Ok(given) => options.extend(given.map(|given| Given { line: Some(number), ..given })),
            Err(what) => {
                faults.push(ConfigError { place: FilePlace::new(file, Some(number)), what })
            }
        }
    }
    if faults.is_empty() { Ok(options) } else { Err(faults) }
}

/// One line's name, and its value if there is an equals sign.
struct ConfigLine<'l> {
    name: &'l [u8],
    value: Option<&'l [u8]>,
}

/// Parses a line; `None` for a comment or an empty line.
fn setting(line: &[u8]) -> Result<Option<ConfigLine<'_>>, String> {
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return Ok(None);
    }
    if line.contains(&0) {
        return Err("holds a NUL byte: write it again".to_owned());
    }
    let Some(equals) = memchr::memchr(b'=', line) else {
        return Ok(Some(ConfigLine { name: without_comment(line), value: None }));
    };
    let name = line[..equals].trim_ascii();
    let value = line[equals + 1..].trim_ascii();
    let value = match value.strip_prefix(b"\"") {
        None => without_comment(value),
        Some(quoted) => {
            let end = memchr::memchr(b'"', quoted).ok_or("a quote is opened and not closed")?;
            if !without_comment(&quoted[end + 1..]).is_empty() {
                return Err("something follows after the closing quote".to_owned());
            }
            &quoted[..end]
        }
    };
    Ok(Some(ConfigLine { name, value: Some(value) }))
}

/// Removes a comment: a `#` at the start or after a blank. Within a word it is a
/// plain character, as in URLs.
fn without_comment(text: &[u8]) -> &[u8] {
    let begins = |at: &usize| *at == 0 || text[at - 1].is_ascii_whitespace();
    let end = memchr::memchr_iter(b'#', text).find(begins).unwrap_or(text.len());
    text[..end].trim_ascii()
}

impl ConfigLine<'_> {
    /// The equivalent option of a command line.
    fn option(&self, command: &Command) -> Result<Given, String> {
        let shown = String::from_utf8_lossy(self.name);
        if self.name.starts_with(b"-") {
            return Err(format!("{shown}: write the name without the dashes"));
        }
        // One letter is a short name, which stands for nothing to a reader.
        if self.name.len() < 2 || self.name.iter().any(u8::is_ascii_whitespace) {
            return Err(format!(
                "\"{shown}\" is not an option: write NAME=VALUE, or NAME for a switch"
            ));
        }
        let mut word = b"--".to_vec();
        word.extend_from_slice(self.name);
        if let Some(value) = self.value {
            word.push(b'=');
            word.extend_from_slice(value);
        }
        let words = getopt::rewrite(command, vec![OsString::from_vec(word)]);
        let mut options = words.map_err(|lines| lines.join("; "))?.options;
        let given = options.pop().ok_or_else(|| format!("\"{shown}\" is not an option"))?;
        let name = &given.name;
        if MISPLACED.contains(&name.as_str()) {
            return Err(format!("{name} has its place on the command line only"));
        }
        try_out(command, &given)?;
        Ok(given)
    }
}

/// Returns an error if a daemon would not start with this option alone.
fn try_out(command: &Command, given: &Given) -> Result<(), String> {
    let words = ["--milter=/".into(), given.word()];
    let matches = command.clone().try_get_matches_from(words).map_err(|error| error.to_string())?;
    match convert::options(&matches, OsStr::new(""), shared::typed(&matches).as_ref()) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.message.trim_start_matches("ERROR: ").to_owned()),
    }
}

/// Returns true if an option of the command line cancels one of the file, other
/// than as a later value of the same option.
fn excludes(typed: &Given, given: &Given) -> bool {
    let has = |rivals: &[&str], given: &Given| rivals.contains(&given.name.as_str());
    RIVALS.iter().any(|rivals| has(rivals, typed) && has(rivals, given))
}
