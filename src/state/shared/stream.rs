//! A stream to a server, plain or by TLS, whose every read and write ends at a
//! deadline.
//!
//! A time limit for each read alone would let a server that sends one byte a
//! second hold the worker for ever.

use super::address::StateServer;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use socket2::{Domain, SockAddr, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub enum Stream {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Stream {
    /// Connects. With a configuration, TLS is spoken.
    pub fn connect(
        endpoint: &StateServer,
        tls: Option<&Arc<ClientConfig>>,
        deadline: Instant,
    ) -> io::Result<Stream> {
        let (socket, host) = match endpoint {
            StateServer::Tcp(host, port) => (Inner::Tcp(connect_tcp(host, *port, deadline)?), host),
            StateServer::Unix(path) => {
                let socket = Inner::Unix(connect_unix(path, deadline)?);
                return Ok(Stream::Plain(Socket { inner: socket, deadline }));
            }
        };
        let socket = Socket { inner: socket, deadline };
        let Some(config) = tls else {
            return Ok(Stream::Plain(socket));
        };
        let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
        let client = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(client, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Stream::Tls(Box::new(stream)))
    }

    /// Sets the deadline of the reads and writes from now on.
    pub fn set_deadline(&mut self, deadline: Instant) {
        match self {
            Stream::Plain(socket) => socket.deadline = deadline,
            Stream::Tls(stream) => stream.sock.deadline = deadline,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(socket) => socket.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}

/// Connects to the first address of a host that answers.
fn connect_tcp(host: &str, port: u16, deadline: Instant) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, left(deadline)?) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Connects to a Unix socket. The connect of std waits for ever if the backlog of a
/// stopped server is full.
fn connect_unix(path: &Path, deadline: Instant) -> io::Result<UnixStream> {
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.connect_timeout(&SockAddr::unix(path)?, left(deadline)?)?;
    Ok(OwnedFd::from(socket).into())
}

pub struct Socket {
    inner: Inner,
    deadline: Instant,
}

enum Inner {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = Some(left(self.deadline)?);
        timed_out(match &mut self.inner {
            Inner::Tcp(stream) => stream.set_read_timeout(left).and_then(|()| stream.read(buffer)),
            Inner::Unix(stream) => stream.set_read_timeout(left).and_then(|()| stream.read(buffer)),
        })
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = Some(left(self.deadline)?);
        timed_out(match &mut self.inner {
            Inner::Tcp(stream) => stream.set_write_timeout(left).and_then(|()| stream.write(bytes)),
            Inner::Unix(stream) => {
                stream.set_write_timeout(left).and_then(|()| stream.write(bytes))
            }
        })
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
fn timed_out<T>(result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    })
}
