//! The child process: opens the database and answers like the daemon.

use super::source::Source;
use super::{opening, query, reply};
use crate::daemon::{DirectoryLock, clock};
use crate::session::control::{MAX_REQUEST, ToolReply, ToolRequest, reply_text};
use crate::state::import::Import;
use crate::state::local::{FILE_NAME, Reader, Store, is_lmdb};
use crate::state::memory::Memory;
#[cfg(feature = "shared-state")]
use crate::state::shared::Tool;
#[cfg(feature = "shared-state")]
use crate::state::{Address, SHARED_STATE_VARIABLE};
use crate::state::{Backend as _, Error, Inspect, Metadata};
use memchr::memmem;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::dup2_stdout;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The file that a child reads: its standard output.
const FILE: &str = "/proc/self/fd/1";

/// The time for which the lock of a directory is held for a silent tool.
const HOLD_LIMIT: Duration = Duration::from_secs(1);

/// Answers requests on standard input until its other end is closed.
pub fn serve(source: &Source) -> io::Result<()> {
    // Without its parent it would be of no use.
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    stream.set_read_timeout(Some(HOLD_LIMIT))?;
    stream.set_write_timeout(Some(HOLD_LIMIT))?;
    let opened = Some(open(source));
    let mut server = Server { source, stream, input: Vec::new(), opened };
    while let Some(request) = server.next_request()? {
        let reply = server.reply(&request);
        server.send(reply_text(&reply).as_bytes())?;
    }
    Ok(())
}

/// The connection to the tool, and what it asks about.
struct Server<'s> {
    source: &'s Source,
    stream: UnixStream,
    input: Vec<u8>,
    /// `None` while the tool has been silent, so that a daemon can start.
    opened: Option<Result<Opened, Error>>,
}

impl Server<'_> {
    /// The text of the next request, without its end.
    fn next_request(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = memmem::find(&self.input, b"\n\n") {
                let rest = self.input.split_off(end + 2);
                let mut request = std::mem::replace(&mut self.input, rest);
                request.truncate(end);
                return Ok(Some(request));
            }
            let mut buffer = [0; 64 << 10];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(_) if self.input.len() > MAX_REQUEST => return Ok(None),
                Ok(length) => self.input.extend_from_slice(&buffer[..length]),
                Err(error) => self.release_or(error)?,
            }
        }
    }

    fn reply(&mut self, request: &[u8]) -> ToolReply {
        let is_again = self.opened.is_none();
        match (self.opened.get_or_insert_with(|| open(self.source)), ToolRequest::parse(request)) {
            (Err(error), _) if is_again => {
                Err(format!("{error}; the database was released while this command waited"))
            }
            (Err(error), _) => Err(error.to_string()),
            (_, Err(problem)) => Err(problem),
            (Ok(opened), Ok(request)) => opened.answer(&request),
        }
    }

    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(length) => bytes = &bytes[length..],
                Err(error) => self.release_or(error)?,
            }
        }
        Ok(())
    }

    /// Releases a directory whose tool has been silent, for example since its output
    /// is in a pager.
    fn release_or(&mut self, error: io::Error) -> io::Result<()> {
        match error.kind() {
            ErrorKind::Interrupted => Ok(()),
            ErrorKind::WouldBlock => {
                if matches!(self.source, Source::Directory(_)) {
                    self.opened = None;
                }
                Ok(())
            }
            _ => Err(error),
        }
    }
}

struct Opened {
    state: Box<dyn Inspect>,
    /// Keeps a daemon from starting meanwhile.
    #[expect(dead_code, reason = "held")]
    lock: Option<DirectoryLock>,
}

impl Opened {
    fn new(state: impl Inspect + 'static) -> Opened {
        Opened { state: Box::new(state), lock: None }
    }
}

fn open(source: &Source) -> Result<Opened, Error> {
    match source {
        Source::Directory(directory) => open_directory(directory),
        Source::Locked(directory) | Source::LockedWhole(directory) => {
            let store = Store::open(directory, Metadata::default())?;
            store.probe(matches!(source, Source::LockedWhole(_)))?;
            Ok(Opened::new(store))
        }
        Source::File(name) => open_file().map_err(|error| {
            let shown = name.display().to_string();
            Error::new(error.to_string().replace(FILE, &shown))
        }),
        #[cfg(feature = "shared-state")]
        Source::Shared(metadata, authorities) => {
            let url = std::env::var(SHARED_STATE_VARIABLE).unwrap_or_default();
            let address = Address::parse(&url).map_err(Error::new)?;
            Ok(Opened::new(Tool::open(&address, authorities.as_deref(), metadata)?))
        }
        #[cfg(not(feature = "shared-state"))]
        Source::Shared(..) => Err(Error::new("built without the feature shared-state")),
    }
}

fn open_directory(directory: &Path) -> Result<Opened, Error> {
    let path = directory.join(FILE_NAME);
    // Neither a lock nor a database is created where none was.
    fs::metadata(&path).map_err(|error| opening(&path, &error))?;
    let lock = DirectoryLock::take(directory).map_err(|failure| {
        let holder = DirectoryLock::holder(directory).ok().flatten();
        let holder = holder.map_or(String::new(), |holder| format!(" by {holder}"));
        Error::new(format!("{failure}{holder}"))
    })?;
    Ok(Opened { lock: Some(lock), ..Opened::new(open_store(directory)?) })
}

/// Opens the database of a locked directory, and writes the records that a killed daemon
/// left in its journal.
///
/// # Errors
/// If it cannot be opened.
pub fn open_store(directory: &Path) -> Result<Store, Error> {
    let mut store = Store::open(directory, Metadata::default())?;
    for notice in store.check() {
        let _ = writeln!(io::stderr(), "{notice}");
    }
    // On a full disk they stay in the journal.
    let _ = store.flush();
    Ok(store)
}

fn open_file() -> Result<Opened, Error> {
    let path = Path::new(FILE);
    let explain = |error: io::Error| opening(path, &error);
    match fs::File::open(path) {
        // The tool opened it before it gave up root's rights.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            replace_by_copy().map_err(explain)?;
        }
        _ => {}
    }
    if is_lmdb(path).map_err(explain)? {
        return Ok(Opened::new(Reader::open_copy(path)?));
    }
    let mut memory = Memory::default();
    let policy = Metadata::default().policy();
    let mut watch = |_, _| {};
    let import = Import::new(&mut memory, &policy, &mut watch, FILE.to_owned());
    import.read(path, Path::new("/nonexistent"))?;
    Ok(Opened::new(memory))
}

/// Puts a copy in memory in place of the file, whose path this user may not open.
fn replace_by_copy() -> io::Result<()> {
    let mut file = fs::File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut copy = fs::File::from(memfd_create("postgrey", MFdFlags::MFD_CLOEXEC)?);
    io::copy(&mut file, &mut copy)?;
    Ok(dup2_stdout(&copy)?)
}

impl Opened {
    fn answer(&mut self, request: &ToolRequest) -> ToolReply {
        let state = &mut self.state;
        if let ToolRequest::Edit(edits) = request {
            let changed = state.edit_records(edits.clone(), clock::now());
            let changed = changed.map_err(|error| error.to_string())?;
            return Ok(vec![format!("changed {changed}")]);
        }
        let metadata = state.metadata().map_err(|error| error.to_string())?;
        let policy = metadata.policy();
        let query = query(request, &policy);
        let query = query.unwrap_or_else(|| Err("only a daemon can do this".to_owned()))?;
        let found = state.read(&query).map_err(|error| error.to_string())?;
        reply(request, &policy, found, clock::now())
    }
}
