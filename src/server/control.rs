//! The control socket in the database directory, on which tools send requests
//! (`postgrey forget` and others), answered between iterations of the event loop.
//!
//! Only the daemon's user and root are served. A stopped tool, or one that does
//! not read replies, loses its connection.

use super::stats::Stats;
use super::tool_pace::ToolPace;
use crate::daemon::clock;
use crate::daemon::nonblocking::{unless_blocked, write_out};
use crate::database;
use crate::greylist::Policy;
use crate::session::control::{MAX_REQUEST, SOCKET_NAME, ToolReply, ToolRequest, reply_text};
use crate::state::{Backend, Done, Task, TaskResult, Ticket};
use mio::net::{UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use nix::sys::signal::{Signal, raise};
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::stat::{Mode, umask};
use nix::unistd::geteuid;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, Instant};

/// Tools served at the same time; a further one replaces the one that has been silent
/// for longest.
const MAX_TOOLS: usize = 8;

/// The number of tokens the socket and its connections take.
pub const TOKENS: usize = 1 + MAX_TOOLS;

/// The time for which a tool may leave a request incomplete or a reply unread.
/// Between requests it may be silent: people read lists in a pager.
const STALL_LIMIT: Duration = Duration::from_secs(60);

/// Bytes read at once.
const READ_SIZE: usize = 64 << 10;

/// The socket and its clients.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    tools: [Option<ToolConnection>; MAX_TOOLS],
    /// The tool whose turn it is.
    turn: usize,
    pace: ToolPace,
    /// The number of requests, to find the tool that has been silent for longest.
    requests: u64,
}

impl Control {
    /// Creates the socket in a directory whose lock is held; an existing one is
    /// stale.
    pub fn open(directory: &Path) -> io::Result<Control> {
        let path = directory.join(SOCKET_NAME);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let usual = umask(Mode::from_bits_truncate(0o177));
        let listener = UnixListener::bind(&path);
        umask(usual);
        Ok(Control {
            listener: listener?,
            path,
            tools: Default::default(),
            turn: 0,
            pace: ToolPace::default(),
            requests: 0,
        })
    }

    /// Registers the socket and its clients with tokens from `first` on.
    pub fn register(&mut self, registry: &Registry, first: usize) -> io::Result<()> {
        registry.register(&mut self.listener, Token(first), Interest::READABLE)
    }

    pub fn accept(&mut self, registry: &Registry, first: usize) {
        // Errors are reported by the tool.
        while let Ok((mut stream, _)) = self.listener.accept() {
            if !is_trusted(&stream) {
                continue;
            }
            let last_request =
                |tool: &Option<ToolConnection>| tool.as_ref().map(|it| it.last_request);
            // A tool whose request is with the backend keeps its place.
            let free = self.tools.iter().enumerate().filter(|(_, tool)| !is_awaiting(tool));
            let Some((index, _)) = free.min_by_key(|(_, tool)| last_request(tool)) else {
                continue;
            };
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.tools[index] = None;
            if registry.register(&mut stream, Token(first + 1 + index), interest).is_ok() {
                self.requests += 1;
                self.tools[index] = Some(ToolConnection::new(stream, self.requests));
            }
        }
    }

    /// Answers requests of the tools, in turn, up to one for the backend: mail waits
    /// for at most one slice of records.
    pub fn serve(&mut self, policy: &Policy, stats: &Stats, backend: &mut dyn Backend) {
        let now = Instant::now();
        self.pace.note(&stats.counters, now);
        let mut is_free = self.pace.rest(now).is_none();
        let first = self.turn;
        for number in (first..MAX_TOOLS).chain(0..first) {
            let slot = &mut self.tools[number];
            let Some(tool) = slot else {
                continue;
            };
            let request = if is_free { tool.next_request() } else { None };
            if let Some(request) = request {
                self.requests += 1;
                tool.last_request = self.requests;
                match request {
                    // Records that wait are written between batches.
                    Ok(ToolRequest::Settle) => tool.settles = Some(backend.settle()),
                    Ok(ToolRequest::Reload) => tool.reply(&reload()),
                    Ok(ToolRequest::Statistics) => tool.reply(&statistics(stats)),
                    Ok(request) => match task(&request, policy) {
                        Ok(task) => {
                            is_free = false;
                            self.turn = (number + 1) % MAX_TOOLS;
                            tool.awaiting = Some(request);
                            backend.submit(Ticket::Tool(number), task);
                        }
                        Err(problem) => tool.reply(&Err(problem)),
                    },
                    Err(problem) => tool.reply(&Err(problem)),
                }
            }
            tool.settle(backend);
            tool.is_over |= tool.is_stalled(now);
            if tool.is_over && tool.awaiting.is_none() {
                *slot = None;
            }
        }
    }

    /// Sends a tool the result of its request.
    pub fn complete(&mut self, policy: &Policy, number: usize, result: TaskResult) {
        let Some(tool) = self.tools.get_mut(number).and_then(Option::as_mut) else {
            return;
        };
        let Some(request) = tool.awaiting.take() else {
            return;
        };
        tool.reply(&match result {
            Ok(Done::Edited(changed)) => Ok(vec![format!("changed {changed}")]),
            Ok(Done::Found(found)) => database::reply(&request, policy, found, clock::now()),
            Ok(Done::Decided(_)) => Err("tools do not ask for decisions".to_owned()),
            Err(error) => Err(error.to_string()),
        });
        self.pace.served(Instant::now());
    }

    /// The time at which a tool may have another request, or a reply, that needs no event
    /// to be noticed; not later than `now` without a rest.
    pub fn due(&self, backend: &dyn Backend, now: Instant) -> Option<Instant> {
        let has_work = |tool: &ToolConnection| tool.has_work(backend);
        self.tools.iter().flatten().any(has_work).then(|| self.pace.rest(now).unwrap_or(now))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Returns true if a peer is the daemon's own user or root. The directory lets
/// no others in, unless an administrator has opened it.
fn is_trusted(stream: &UnixStream) -> bool {
    getsockopt(stream, PeerCredentials)
        .is_ok_and(|peer| peer.uid() == 0 || peer.uid() == geteuid().as_raw())
}

#[derive(Debug)]
struct ToolConnection {
    stream: UnixStream,
    input: Vec<u8>,
    output: Vec<u8>,
    /// The flush it waits for, see [`Backend::settle`].
    settles: Option<u64>,
    /// The request that the backend has not completed.
    awaiting: Option<ToolRequest>,
    /// True if there may be something in the socket or in the input.
    is_due: bool,
    is_over: bool,
    last_request: u64,
    /// The time of its last transfer in either direction.
    progress: Instant,
}

impl ToolConnection {
    fn new(stream: UnixStream, last_request: u64) -> ToolConnection {
        let (input, output) = (Vec::new(), Vec::new());
        ToolConnection {
            stream,
            input,
            output,
            settles: None,
            awaiting: None,
            is_due: true,
            is_over: false,
            last_request,
            progress: Instant::now(),
        }
    }

    /// Returns true if it can be served without an event. One that does not read
    /// its reply cannot.
    fn has_work(&self, backend: &dyn Backend) -> bool {
        let is_free = self.output.is_empty() && self.awaiting.is_none();
        is_free && self.settles.map_or(self.is_due, |number| settled(backend, number).is_some())
    }

    fn is_stalled(&self, now: Instant) -> bool {
        let is_unfinished = !self.output.is_empty() || !self.input.is_empty();
        let waits_for_us = self.awaiting.is_some() || self.settles.is_some();
        is_unfinished && !waits_for_us && now - self.progress > STALL_LIMIT
    }

    /// The next request, once the reply to the last one is sent.
    fn next_request(&mut self) -> Option<Result<ToolRequest, String>> {
        self.send();
        if !self.output.is_empty() {
            return None;
        }
        self.read();
        if self.settles.is_some() || self.awaiting.is_some() { None } else { self.take_request() }
    }

    /// Reads until there is a whole request or nothing more to read.
    fn read(&mut self) {
        let mut buffer = [0; READ_SIZE];
        self.is_due = true;
        while self.end_of_request().is_none() && self.input.len() <= MAX_REQUEST {
            match unless_blocked(|| self.stream.read(&mut buffer)) {
                Ok(Some(length)) if length > 0 => {
                    self.input.extend_from_slice(&buffer[..length]);
                    self.progress = Instant::now();
                }
                result => {
                    self.is_over |= !matches!(result, Ok(None));
                    self.is_due = false;
                    return;
                }
            }
        }
    }

    fn end_of_request(&self) -> Option<usize> {
        memchr::memmem::find(&self.input, b"\n\n")
    }

    /// The next request, if it is there to its end.
    fn take_request(&mut self) -> Option<Result<ToolRequest, String>> {
        let Some(end) = self.end_of_request() else {
            if self.input.len() <= MAX_REQUEST {
                return None;
            }
            self.input = Vec::new();
            self.is_over = true;
            return Some(Err(format!("a request of more than {MAX_REQUEST} bytes")));
        };
        let request = ToolRequest::parse(&self.input[..end]);
        self.input.drain(..end + 2);
        Some(request)
    }

    /// Replies to the tool when everything that waited at its request is on disk.
    fn settle(&mut self, backend: &dyn Backend) {
        if let Some(reply) = self.settles.and_then(|number| settled(backend, number)) {
            self.settles = None;
            self.reply(&reply);
        }
    }

    fn reply(&mut self, reply: &ToolReply) {
        self.output = reply_text(reply).into_bytes();
        self.send();
    }

    /// Sends as much as the tool accepts now.
    fn send(&mut self) {
        let unsent = self.output.len();
        let sent = write_out(&mut self.output, |bytes| self.stream.write(bytes));
        self.is_over |= sent.is_err();
        if self.output.len() < unsent {
            self.progress = Instant::now();
        }
    }
}

/// The reply to a tool that waits until the backend has settled, once there is one.
fn settled(backend: &dyn Backend, number: u64) -> Option<ToolReply> {
    if backend.has_settled(number) { Some(Ok(Vec::new())) } else { backend.failure().map(Err) }
}

fn is_awaiting(tool: &Option<ToolConnection>) -> bool {
    tool.as_ref().is_some_and(|tool| tool.awaiting.is_some())
}

/// Returns the backend's task for a request.
fn task(request: &ToolRequest, policy: &Policy) -> Result<Task, String> {
    if let ToolRequest::Edit(edits) = request {
        return Ok(Task::Edit(edits.clone(), clock::now()));
    }
    let query = database::query(request, policy);
    query.unwrap_or_else(|| Err("unknown request".to_owned())).map(Task::Read)
}

/// Reloads like the administrator's signal.
fn reload() -> ToolReply {
    raise(Signal::SIGHUP).map(|()| Vec::new()).map_err(|why| why.desc().to_owned())
}

fn statistics(stats: &Stats) -> ToolReply {
    let numbers = stats.counters.named();
    let numbers = numbers.map(|(name, number)| format!("{name} {number}"));
    let process = [format!("pid {}", process::id()), format!("started {}", stats.started)];
    Ok(process.into_iter().chain(numbers).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Completed;

    #[test]
    fn a_tool_may_be_silent_only_between_requests() {
        let (stream, mut peer) = UnixStream::pair().expect("a pair");
        let mut tool = ToolConnection::new(stream, 1);
        let late = || Instant::now() + STALL_LIMIT + Duration::from_secs(1);
        assert!(!tool.is_stalled(late()), "it has not asked");
        peer.write_all(b"totals\n\nsettle").expect("a request and a half");
        assert!(tool.next_request().is_some_and(|request| request == Ok(ToolRequest::Totals)));
        assert!(!tool.is_stalled(Instant::now()), "it has just written");
        assert!(tool.is_stalled(late()), "the rest does not arrive");
        peer.write_all(b"\n\n").expect("the rest");
        assert!(tool.next_request().is_some_and(|request| request == Ok(ToolRequest::Settle)));
        tool.reply(&Ok(vec!["a line".to_owned()]));
        assert!(!tool.is_stalled(late()), "the reply is in the socket");
        tool.reply(&Ok(vec!["x".repeat(4 << 20)]));
        assert!(tool.is_stalled(late()), "the reply is not read");
    }

    /// A backend that is writing.
    #[derive(Default)]
    struct Writing {
        is_over: bool,
    }

    impl Backend for Writing {
        fn submit(&mut self, _: Ticket, _: Task) {}

        fn decide(&mut self, _: &Policy, _: &mut Vec<Completed>) {}

        fn settle(&mut self) -> u64 {
            1
        }

        fn has_settled(&self, _: u64) -> bool {
            self.is_over
        }
    }

    #[test]
    fn a_tool_that_waits_for_the_backend_keeps_the_loop_asleep() {
        let (stream, mut peer) = UnixStream::pair().expect("a pair");
        let mut tool = ToolConnection::new(stream, 1);
        let mut backend = Writing::default();
        peer.write_all(b"settle\n\n").expect("a request");
        assert_eq!(tool.next_request(), Some(Ok(ToolRequest::Settle)));
        tool.settles = Some(backend.settle());
        tool.settle(&backend);
        assert!(!tool.has_work(&backend));
        backend.is_over = true;
        assert!(tool.has_work(&backend));
        tool.settle(&backend);
        assert_eq!(tool.settles, None);
    }
}
