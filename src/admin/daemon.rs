//! The running daemon, as a tool talks to it.

use super::Error;
use crate::greylist::edit::Edit;
use crate::session::control::{Request, SOCKET_NAME, parse_reply};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long a daemon may take for a reply. Its disk may be slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a tool that can do without waits for one that may be stopped.
const LITTLE_PATIENCE: Duration = Duration::from_secs(2);

/// A tool with many edits rests so many times as long as the daemon took for
/// the last of them.
const REST_PER_WORK: u32 = 2;

/// A connection to the daemon of a directory.
#[derive(Debug)]
pub struct Daemon {
    stream: BufReader<UnixStream>,
    /// When the next edits may come.
    rest_until: Instant,
}

impl Daemon {
    /// Connects to it.
    ///
    /// # Errors
    /// When none runs there, or this user may not ask it.
    pub fn connect(directory: &Path) -> io::Result<Daemon> {
        let stream = UnixStream::connect(directory.join(SOCKET_NAME))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Daemon { stream: BufReader::new(stream), rest_until: Instant::now() })
    }

    /// Gives the lines of the reply to a request.
    ///
    /// # Errors
    /// When the daemon cannot do it, or does not answer.
    pub fn ask(&mut self, request: &Request) -> Result<Vec<String>, Error> {
        let reply = self.exchange(request).map_err(|error| {
            Error::Access(format!("the running daemon does not answer: {error}"))
        })?;
        match parse_reply(reply.trim_end_matches('\n')) {
            Some(Ok(lines)) => Ok(lines),
            Some(Err(sentence)) => Err(Error::Access(sentence)),
            None => Err(Error::Access(format!("not a reply: {}", reply.escape_debug()))),
        }
    }

    /// Lets it make changes, which are one commit; gives how many of them
    /// changed anything. Of many such calls most of the time is a rest, so that
    /// mail is not kept waiting.
    ///
    /// # Errors
    /// As [`Daemon::ask`]; when none is made.
    pub fn edit(&mut self, edits: &[Edit]) -> Result<usize, Error> {
        thread::sleep(self.rest_until.saturating_duration_since(Instant::now()));
        let begin = Instant::now();
        let lines = self.ask(&Request::Edit(edits.to_vec()))?;
        self.rest_until = Instant::now() + begin.elapsed() * REST_PER_WORK;
        let changed = lines.iter().find_map(|line| line.strip_prefix("changed "));
        Ok(changed.and_then(|number| number.parse().ok()).unwrap_or(0))
    }

    fn exchange(&mut self, request: &Request) -> io::Result<String> {
        self.stream.get_mut().write_all(request.text().as_bytes())?;
        let mut reply = String::new();
        while !reply.ends_with("\n\n") {
            if self.stream.read_line(&mut reply)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(reply)
    }
}

/// Lets a daemon, if one runs, put what it remembers into the file: with
/// `--sync` that may be minutes of entries. Without it the file is read as it
/// is.
pub fn settle(directory: &Path) {
    if let Ok(mut daemon) = Daemon::connect(directory) {
        let _ = daemon.stream.get_ref().set_read_timeout(Some(LITTLE_PATIENCE));
        let _ = daemon.ask(&Request::Settle);
    }
}
