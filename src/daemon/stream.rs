//! Stream sockets that never block, of either family: TCP, or a path of the file
//! system.

use super::nonblocking::unless_blocked;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use socket2::{SockAddr, Socket, Type};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

#[derive(Debug)]
pub struct Stream {
    socket: Socket,
}

impl Stream {
    /// Starts to connect.
    pub fn connect(address: &SockAddr) -> io::Result<Stream> {
        let socket = Socket::new(address.domain(), Type::STREAM.nonblocking(), None)?;
        match socket.connect(address) {
            Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => Err(error),
            _ => Ok(Stream::new(socket, !address.is_unix())),
        }
    }

    /// Adopts a connection that was accepted without blocking.
    pub fn accepted(connection: impl Into<OwnedFd>, is_tcp: bool) -> Stream {
        Stream::new(connection.into().into(), is_tcp)
    }

    fn new(socket: Socket, is_tcp: bool) -> Stream {
        if is_tcp {
            // Requests and replies are small; they must not wait for others.
            let _ = socket.set_tcp_nodelay(true);
        }
        Stream { socket }
    }

    /// Returns true if the peer is on this machine: at a Unix socket or a loopback
    /// address.
    pub fn is_local(&self) -> bool {
        let is_loopback = |peer: SockAddr| {
            peer.as_socket().is_none_or(|peer| peer.ip().to_canonical().is_loopback())
        };
        self.socket.peer_addr().is_ok_and(is_loopback)
    }

    /// Returns true once a connection that was begun here is made.
    pub fn is_connected(&self) -> io::Result<bool> {
        if let Some(error) = self.socket.take_error()? {
            return Err(error);
        }
        Ok(unless_blocked(|| self.socket.peer_addr())?.is_some())
    }

    pub fn close_write(&self) {
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    pub fn watch(&self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.socket.as_raw_fd()), token, interest)
    }

    /// Watches for room as well.
    pub fn watch_for_room(&self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.reregister(&mut SourceFd(&self.socket.as_raw_fd()), token, interest)
    }
}

/// An address with its port, or the path of a socket.
pub fn shown(address: &SockAddr) -> String {
    match address.as_socket() {
        Some(address) => address.to_string(),
        None => address.as_pathname().unwrap_or(Path::new("")).display().to_string(),
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(buffer)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
