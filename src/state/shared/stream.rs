//! A stream to a server, plain or by TLS, whose every read and write ends at a
//! deadline.
//!
//! A time limit for each read alone would let a server that sends one byte a
//! second hold the worker for ever.

use super::address::StateServer;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use socket2::{SockAddr, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::ToSocketAddrs as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub trait Stream: Read + Write + Send {
    /// Sets the deadline of the reads and writes from now on.
    fn set_deadline(&mut self, deadline: Instant);
}

/// Connects. With a configuration, TLS is spoken.
pub fn connect(
    endpoint: &StateServer,
    tls: Option<&Arc<ClientConfig>>,
    deadline: Instant,
) -> io::Result<Box<dyn Stream>> {
    let (host, port) = match endpoint {
        StateServer::Tcp(host, port) => (host, *port),
        StateServer::Unix(path) => {
            return Ok(Box::new(Socket::connect(&SockAddr::unix(path)?, deadline)?));
        }
    };
    let socket = connect_tcp(host, port, deadline)?;
    let Some(config) = tls else {
        return Ok(Box::new(socket));
    };
    let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
    let client = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(client, socket);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(Box::new(stream))
}

/// Connects to the first address of a host that answers.
fn connect_tcp(host: &str, port: u16, deadline: Instant) -> io::Result<Socket> {
    let mut failure = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match Socket::connect(&address.into(), deadline) {
            Ok(socket) => {
                socket.socket.set_tcp_nodelay(true)?;
                return Ok(socket);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

struct Socket {
    socket: socket2::Socket,
    deadline: Instant,
}

impl Socket {
    /// Connects, by TCP or to a path. The connect of std waits for ever if the backlog
    /// of a stopped server at a path is full.
    fn connect(address: &SockAddr, deadline: Instant) -> io::Result<Socket> {
        let socket = socket2::Socket::new(address.domain(), Type::STREAM, None)?;
        socket.connect_timeout(address, left(deadline)?)?;
        Ok(Socket { socket, deadline })
    }
}

impl Stream for Socket {
    fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }
}

impl Stream for StreamOwned<ClientConnection, Socket> {
    fn set_deadline(&mut self, deadline: Instant) {
        self.sock.set_deadline(deadline);
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(left(self.deadline)?))?;
        self.socket.read(buffer).map_err(timed_out)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(left(self.deadline)?))?;
        self.socket.write(bytes).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// A socket's time limit is reported as if it would block.
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock { ErrorKind::TimedOut.into() } else { error }
}
