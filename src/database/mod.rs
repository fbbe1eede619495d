//! The database as tools reach it: through the running daemon, or through a
//! child that opens the file where no daemon runs. No tool opens it itself.

mod answer;
mod child;
mod connection;
mod location;
mod open_file;
mod server;
mod source;

pub use answer::{query, reply};
pub use child::program;
pub use connection::Connection;
pub use location::{SharedLocation, StateLocation};
pub use open_file::OpenFile;
pub use server::{open_store, serve};
pub use source::Source;

use crate::greylist::edit::Edit;
use crate::greylist::filter::Filter;
use crate::session::control::{Scan, ToolRequest, metadata_of, record_of, slice_of, totals_of};
use crate::state::{self, Error, Metadata, Table, Totals};
use child::{Child, End};
use connection::REPLY_LIMIT;
use std::cell::RefCell;
use std::fs;
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

/// A tool with many edits pauses for this many times as long as the last of
/// them took, so that mail is not kept waiting.
const PAUSE_PER_WORK: u32 = 2;

/// The time in which a daemon has to write delayed changes.
const SETTLE_LIMIT: Duration = Duration::from_secs(2);

/// A database that something else has open.
pub struct Database {
    connection: RefCell<Connection>,
    child: Option<RefCell<Child>>,
    name: String,
    metadata: Metadata,
    /// Why the daemon cannot write its latest entries to what is read here.
    unwritten: Option<String>,
    /// The time at which the next edits may be sent.
    pause_until: Instant,
}

impl Database {
    /// Opens the state of a daemon.
    ///
    /// # Errors
    /// If there is none, or it cannot be opened; the text says what to do.
    pub fn open(location: &StateLocation) -> Result<Database, Error> {
        let Some(shared) = &location.shared else {
            return Database::in_directory(&location.directory);
        };
        let name = shared.settings.address.to_string();
        if !shared.is_typed {
            if let Ok(settled) = settled(&location.directory) {
                return Database::of_running(settled, &location.directory, name);
            }
        }
        let SharedLocation { settings, metadata, .. } = shared;
        let source = Source::Shared(metadata.clone(), settings.authorities.clone());
        let child = Child::start(&source, Stdio::null(), Some(settings.address.url()));
        Database::of_child(child, name)
    }

    fn in_directory(directory: &Path) -> Result<Database, Error> {
        let path = directory.join(state::local::FILE_NAME);
        let refusal = match settled(directory) {
            Ok(settled) => {
                let elsewhere = "the shared state of the running daemon".to_owned();
                return Database::of_running(settled, directory, elsewhere);
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Err(opening(&path, &error));
            }
            Err(error) => error,
        };
        let source = Source::Directory(directory.to_owned());
        let child = Child::start(&source, Stdio::null(), None);
        Database::of_child(child, shown(&path)).map_err(|mut error| {
            if error.to_string().starts_with("locked: ") {
                error = Error::new(format!("{error}; the daemon there cannot be asked: {refusal}"));
            }
            error
        })
    }

    /// Reaches the database in a directory through its daemon, which has written all
    /// that it remembers; `None` where none runs.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn of_daemon(directory: &Path) -> Option<Result<Database, Error>> {
        let path = directory.join(state::local::FILE_NAME);
        let settled = settled(directory).ok()?;
        Some(Database::new(settled.connection, None, shown(&path)))
    }

    /// Opens and reads the database in a directory whose lock the caller holds, for a
    /// daemon that starts: a damaged file ends only a child, or is given up after a
    /// while. If the last daemon was killed, maybe by damage, all pages are checked.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn check(directory: &Path, was_killed: bool) -> Result<(), Error> {
        let path = directory.join(state::local::FILE_NAME);
        if fs::metadata(&path).map_or(0, |file| file.len()) == 0 {
            return Ok(());
        }
        let locked = if was_killed { Source::LockedWhole } else { Source::Locked };
        let child = Child::start(&locked(directory.to_owned()), Stdio::null(), None);
        // If no process can be started, the daemon finds out itself.
        if child.is_err() {
            return Ok(());
        }
        Database::of_child(child, shown(&path))?.totals().map(|_| ())
    }

    /// Reads an open file with the rights of this process.
    pub fn of_file(file: OpenFile) -> Result<Database, Error> {
        let (file, path) = file.into_parts();
        let name = shown(&path);
        Database::of_child(Child::start(&Source::File(path), file, None), name)
    }

    fn of_child(child: io::Result<(Child, UnixStream)>, name: String) -> Result<Database, Error> {
        let (child, stream) = child.map_err(|error| {
            Error::new(format!("cannot start the process that reads the database: {error}"))
        })?;
        Database::new(Connection::new(stream), Some(child), name)
    }

    fn new(connection: Connection, child: Option<Child>, name: String) -> Result<Database, Error> {
        let mut database = Database {
            connection: RefCell::new(connection),
            child: child.map(RefCell::new),
            name,
            metadata: Metadata::default(),
            unwritten: None,
            pause_until: Instant::now(),
        };
        database.metadata = metadata_of(&database.ask(&ToolRequest::Metadata)?);
        Ok(database)
    }

    /// The state of a running daemon. It may have been started with other options than
    /// the tool has found, so that the daemon alone knows if it has a file.
    fn of_running(
        settled: Settled,
        directory: &Path,
        name_if_shared: String,
    ) -> Result<Database, Error> {
        let path = directory.join(state::local::FILE_NAME);
        let mut database = Database::new(settled.connection, None, shown(&path))?;
        database.unwritten = settled.unwritten;
        if database.totals()?.file.is_none() {
            database.name = name_if_shared;
        }
        Ok(database)
    }

    /// The path of the file, or the URL of the servers without a password.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The metadata of the state.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Says what is missing if the daemon cannot write its latest entries.
    ///
    /// # Errors
    /// If something is missing; the text says why, and what to do.
    pub fn require_all(&self) -> Result<(), Error> {
        self.unwritten.as_ref().map_or(Ok(()), |why| {
            Err(Error::new(format!(
                "{} lacks the latest entries, which the daemon has in its journal: {why}; fix \
                 this, or stop the daemon first",
                self.name
            )))
        })
    }

    /// Returns true if a daemon runs.
    pub fn has_daemon(&self) -> bool {
        self.child.is_none()
    }

    pub fn record(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(record_of(&self.ask(&ToolRequest::Record(table, key.to_vec()))?))
    }

    /// Returns the numbers of records and bytes.
    pub fn totals(&self) -> Result<Totals, Error> {
        Ok(totals_of(&self.ask(&ToolRequest::Totals)?))
    }

    /// Calls `row` with key and text of each selected record, until it breaks. No
    /// other request can be made within `row`.
    pub fn scan<E: From<Error>>(
        &self,
        table: Table,
        filter: &Filter,
        mut row: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let mut scan = Scan { table, filter: filter.clone(), position: None };
        self.send(&ToolRequest::Scan(scan.clone()))?;
        loop {
            let slice = slice_of(&self.receive()?)
                .ok_or_else(|| Error::new("the reply to a scan is malformed"))?;
            let is_last = slice.next.is_none();
            if !is_last {
                // The next slice is read while this one is printed.
                scan.position = slice.next;
                self.send(&ToolRequest::Scan(scan.clone()))?;
            }
            for (key, text) in &slice.rows {
                let step = row(key, text);
                if !matches!(step, Ok(ControlFlow::Continue(()))) {
                    if !is_last {
                        self.receive()?;
                    }
                    return step.map(|_| ());
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Makes changes in one commit; returns the number of changed records.
    pub fn edit(&mut self, edits: &[Edit]) -> Result<usize, Error> {
        thread::sleep(self.pause_until.saturating_duration_since(Instant::now()));
        let start = Instant::now();
        let lines = self.ask(&ToolRequest::Edit(edits.to_vec()))?;
        if self.has_daemon() {
            self.pause_until = Instant::now() + start.elapsed() * PAUSE_PER_WORK;
        }
        let changed = lines.iter().find_map(|line| line.strip_prefix("changed "));
        Ok(changed.and_then(|number| number.parse().ok()).unwrap_or(0))
    }

    /// Sends a request to the daemon; `None` if none runs.
    pub fn ask_daemon(&self, request: &ToolRequest) -> Result<Option<Vec<String>>, Error> {
        if self.has_daemon() { self.ask(request).map(Some) } else { Ok(None) }
    }

    fn ask(&self, request: &ToolRequest) -> Result<Vec<String>, Error> {
        self.send(request)?;
        self.receive()
    }

    fn send(&self, request: &ToolRequest) -> Result<(), Error> {
        let sent = self.connection.borrow_mut().send(request);
        sent.map_err(|error| self.explain(&error))
    }

    fn receive(&self) -> Result<Vec<String>, Error> {
        let reply = self.connection.borrow_mut().receive(REPLY_LIMIT);
        match reply.map_err(|error| self.explain(&error))? {
            Ok(lines) => Ok(lines),
            Err(text) if text.starts_with("unknown request") => {
                Err(Error::new("the running daemon is of another version: restart it"))
            }
            Err(text) => Err(Error::new(text)),
        }
    }

    fn explain(&self, error: &io::Error) -> Error {
        let path = &self.name;
        let Some(child) = &self.child else {
            return Error::new(format!("the running daemon does not answer: {error}"));
        };
        let what = match child.borrow_mut().end() {
            End::Killed(signal) => format!("reading it ended by signal {signal}"),
            End::Stuck => "reading it does not come to an end".to_owned(),
            End::Exited => return Error::new(format!("cannot read {path}: {error}")),
        };
        Error::new(format!("{path} is damaged: {what}; run postgrey check --database"))
    }
}

/// A connection to a daemon that has been asked to write what waits.
struct Settled {
    connection: Connection,
    /// Why it has not.
    unwritten: Option<String>,
}

/// Connects to the daemon of a directory, which first writes delayed changes. A
/// state that accepts no writes now is read as it is.
fn settled(directory: &Path) -> io::Result<Settled> {
    let mut connection = Connection::to_daemon(directory)?;
    let sent = connection.send(&ToolRequest::Settle);
    match sent.and_then(|()| connection.receive(SETTLE_LIMIT)) {
        Ok(reply) => Ok(Settled { connection, unwritten: reply.err() }),
        Err(error) => {
            // A late reply must not be taken for another.
            let connection = Connection::to_daemon(directory)?;
            Ok(Settled { connection, unwritten: Some(error.to_string()) })
        }
    }
}

/// The error of a database that cannot be opened.
fn opening(path: &Path, error: &io::Error) -> Error {
    if error.kind() == ErrorKind::PermissionDenied && error.raw_os_error().is_none() {
        return Error::new(error.to_string());
    }
    let why = crate::daemon::errno(error).desc();
    Error::new(format!("can't open database {}: {why}", path.display()))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
