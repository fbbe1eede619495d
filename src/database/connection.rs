//! The connection to what has the database open, bounded in time and size: the
//! peer may be stopped, or another program than it should be.

use crate::session::control::{SOCKET_NAME, ToolReply, ToolRequest, parse_reply};
use memchr::memmem;
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::unistd::geteuid;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// The time limit of a reply. The daemon's disk may be slow.
pub const REPLY_LIMIT: Duration = Duration::from_secs(60);

/// Bytes of the longest reply: a slice of records, each byte escaped.
const MAX_REPLY: usize = 4 << 20;

/// Bytes read at once.
const READ_SIZE: usize = 64 << 10;

/// A connection to the daemon, or to a child of this process.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    input: Vec<u8>,
    buffer: Box<[u8]>,
}

impl Connection {
    /// Connects to the daemon of a directory.
    ///
    /// # Errors
    /// When none runs there, this user may not ask it, or the socket is another
    /// user's.
    pub fn to_daemon(directory: &Path) -> io::Result<Connection> {
        let stream = UnixStream::connect(directory.join(SOCKET_NAME))?;
        let owner = getsockopt(&stream, PeerCredentials)?.uid();
        if owner != 0 && owner != geteuid().as_raw() {
            // Only root is asked to become another user, and gives up rights by that.
            let advice =
                if geteuid().is_root() { format!("; add --user={owner}") } else { String::new() };
            let what = format!(
                "{SOCKET_NAME} is served by user {owner}, not by the daemon's user{advice}"
            );
            return Err(io::Error::new(ErrorKind::PermissionDenied, what));
        }
        Ok(Connection::new(stream))
    }

    pub fn new(stream: UnixStream) -> Connection {
        Connection { stream, input: Vec::new(), buffer: vec![0; READ_SIZE].into() }
    }

    /// Sends a request and receives the reply.
    pub fn ask(&mut self, request: &ToolRequest) -> io::Result<ToolReply> {
        self.send(request)?;
        self.receive(REPLY_LIMIT)
    }

    pub fn send(&mut self, request: &ToolRequest) -> io::Result<()> {
        let deadline = Instant::now() + REPLY_LIMIT;
        let text = request.text();
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            self.stream.set_write_timeout(Some(left(deadline)?))?;
            match self.stream.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => rest = &rest[length..],
                Err(error) => retry(error)?,
            }
        }
        Ok(())
    }

    /// Receives the reply to the oldest request.
    ///
    /// # Errors
    /// When it does not arrive within the limit, is too long or is not a reply.
    pub fn receive(&mut self, limit: Duration) -> io::Result<ToolReply> {
        let deadline = Instant::now() + limit;
        let mut searched: usize = 0;
        loop {
            let from = searched.saturating_sub(1);
            if let Some(end) = memmem::find(&self.input[from..], b"\n\n") {
                return self.take_reply(from + end);
            }
            searched = self.input.len();
            if searched > MAX_REPLY {
                return Err(invalid("a reply of more than 4 MiB"));
            }
            self.read(deadline)?;
        }
    }

    fn read(&mut self, deadline: Instant) -> io::Result<()> {
        self.stream.set_read_timeout(Some(left(deadline)?))?;
        match self.stream.read(&mut self.buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                self.input.extend_from_slice(&self.buffer[..length]);
                Ok(())
            }
            Err(error) => retry(error),
        }
    }

    fn take_reply(&mut self, end: usize) -> io::Result<ToolReply> {
        let text = std::str::from_utf8(&self.input[..end]).ok();
        let reply = text.and_then(parse_reply).ok_or_else(|| invalid("not a reply"));
        self.input.drain(..end + 2);
        reply
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn retry(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::Interrupted => Ok(()),
        ErrorKind::WouldBlock => Err(ErrorKind::TimedOut.into()),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_peer_that_never_comes_to_an_end_does_not_hold_a_tool() {
        let (stream, mut peer) = UnixStream::pair().unwrap();
        let writer = thread::spawn(move || {
            let mut lines = 0;
            while peer.write_all(b"ok\nline\n").is_ok() && lines < 1000 {
                lines += 1;
                peer.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
                let _ = peer.read(&mut [0]);
            }
        });
        let mut connection = Connection::new(stream);
        let error = connection.receive(Duration::from_millis(200)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(connection);
        writer.join().unwrap();
    }

    #[test]
    fn a_reply_has_a_largest_size() {
        let (stream, mut peer) = UnixStream::pair().unwrap();
        let writer = thread::spawn(move || while peer.write_all(&[b'x'; 65536]).is_ok() {});
        let mut connection = Connection::new(stream);
        let error = connection.receive(REPLY_LIMIT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        drop(connection);
        writer.join().unwrap();
    }

    #[test]
    fn replies_are_separated_in_any_fragmentation() {
        let (stream, mut peer) = UnixStream::pair().unwrap();
        peer.write_all(b"ok\na\n\nerror no\n\nok").unwrap();
        let mut connection = Connection::new(stream);
        assert_eq!(connection.receive(REPLY_LIMIT).unwrap(), Ok(vec!["a".to_owned()]));
        assert_eq!(connection.receive(REPLY_LIMIT).unwrap(), Err("no".to_owned()));
        peer.write_all(b"\n\n").unwrap();
        assert_eq!(connection.receive(REPLY_LIMIT).unwrap(), Ok(Vec::new()));
    }
}
