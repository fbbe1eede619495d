//! What the child does: opens the database and answers like the daemon.

use super::{Error, query, reply};
use crate::daemon::{DirectoryLock, clock};
use crate::greylist;
use crate::greylist::edit::Edit;
use crate::session::control::{MAX_REQUEST, Reply, Request, reply_text};
use crate::state::import::Source as ImportSource;
use crate::state::local::{FILE_NAME, Reader, Store, is_lmdb};
use crate::state::memory::Memory;
use crate::state::{Inspect, Metadata};
use memchr::memmem;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// Where a child finds the file that it reads: its standard output.
const FILE: &str = "/proc/self/fd/1";

/// What a child opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The database in a directory.
    Directory(PathBuf),
    /// The file that is its standard output, with the name to show.
    File(PathBuf),
}

impl Source {
    /// Reads the arguments of the child, which this program itself wrote.
    pub fn parse(arguments: &[OsString]) -> Source {
        match arguments {
            [option, name] if option == FILE_OPTION => Source::File(name.into()),
            [directory, ..] => Source::Directory(directory.into()),
            [] => Source::Directory(PathBuf::new()),
        }
    }
}

/// The argument before the name of a file.
pub(super) const FILE_OPTION: &str = "--file";

/// Answers requests on standard input until its other end is closed.
///
/// # Errors
/// When the connection fails.
pub fn serve(source: &Source) -> io::Result<()> {
    // Without its parent it would be of no use.
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    let mut stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut opened = open(source);
    let mut input = Vec::new();
    while let Some(request) = next_request(&mut stream, &mut input)? {
        let reply = match (&mut opened, Request::parse(&request)) {
            (Err(error), _) => Err(error.to_string()),
            (_, Err(problem)) => Err(problem),
            (Ok(opened), Ok(request)) => opened.answer(&request),
        };
        stream.write_all(reply_text(&reply).as_bytes())?;
    }
    Ok(())
}

/// The text of the next request, without its end.
fn next_request(stream: &mut UnixStream, input: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(end) = memmem::find(input, b"\n\n") {
            let rest = input.split_off(end + 2);
            let mut request = std::mem::replace(input, rest);
            request.truncate(end);
            return Ok(Some(request));
        }
        let mut buffer = [0; 64 << 10];
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            _ if input.len() > MAX_REQUEST => return Ok(None),
            length => input.extend_from_slice(&buffer[..length]),
        }
    }
}

/// An open database.
enum Opened {
    /// With the lock that keeps a daemon from starting meanwhile.
    Store(Box<Store>, #[expect(dead_code, reason = "held")] DirectoryLock),
    Reader(Reader),
    Memory(Memory),
}

fn open(source: &Source) -> Result<Opened, Error> {
    match source {
        Source::Directory(directory) => open_directory(directory),
        Source::File(name) => open_file().map_err(|error| {
            let shown = name.display().to_string();
            Error::new(error.to_string().replace(FILE, &shown))
        }),
    }
}

fn open_directory(directory: &Path) -> Result<Opened, Error> {
    let path = directory.join(FILE_NAME);
    // Neither a lock nor a database is created where none was.
    fs::metadata(&path).map_err(|error| Error::opening(&path, &error))?;
    let lock = DirectoryLock::take(directory).map_err(|failure| {
        let holder = DirectoryLock::holder(directory).ok().flatten();
        let holder = holder.map_or(String::new(), |holder| format!(" by {holder}"));
        Error::new(format!("{failure}{holder}"))
    })?;
    let store = Store::open(directory, Metadata::default())?;
    Ok(Opened::Store(Box::new(store), lock))
}

fn open_file() -> Result<Opened, Error> {
    let path = Path::new(FILE);
    if is_lmdb(path).map_err(|error| Error::opening(path, &error))? {
        return Ok(Opened::Reader(Reader::open_copy(path)?));
    }
    let mut memory = Memory::default();
    let keys = greylist::policy(&Metadata::default());
    let source = ImportSource { path, dbdir: Path::new("/nonexistent"), keys: &keys };
    source
        .import(&mut memory, &mut |_, _| {})
        .map_err(|problem| Error::new(problem.to_string()))?;
    Ok(Opened::Memory(memory))
}

impl Opened {
    fn answer(&mut self, request: &Request) -> Reply {
        if let Request::Edit(edits) = request {
            return self.edit(edits.clone());
        }
        let state: &mut dyn Inspect = match self {
            Opened::Store(store, _) => store.as_mut(),
            Opened::Reader(reader) => reader,
            Opened::Memory(memory) => memory,
        };
        let metadata = state.metadata().map_err(|error| error.to_string())?;
        let policy = greylist::policy(&metadata);
        let query = query(request, &policy);
        let query = query.unwrap_or_else(|| Err("only a daemon can do this".to_owned()))?;
        reply(request, &policy, state.read(&query), clock::now())
    }

    fn edit(&mut self, edits: Vec<Edit>) -> Reply {
        let Opened::Store(store, _) = self else {
            return Err("a copy is only read".to_owned());
        };
        let policy = greylist::policy(&store.metadata().map_err(|error| error.to_string())?);
        let changed = store.edit(&policy, edits, clock::now());
        changed.map(|changed| vec![format!("changed {changed}")]).map_err(|error| error.to_string())
    }
}
