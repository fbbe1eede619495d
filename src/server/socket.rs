//! Sockets of either family: TCP, or a path of the file system.

use super::socket_file::SocketFile;
use crate::daemon::{Log, Severity};
use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::Path;

#[derive(Debug)]
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Returns true if the peer is on this machine: at a Unix socket or a loopback
    /// address.
    pub fn is_local(&self) -> bool {
        match self {
            Stream::Tcp(stream) => {
                let ip = stream.peer_addr().map(|peer| peer.ip().to_canonical());
                ip.is_ok_and(|ip| ip.is_loopback())
            }
            Stream::Unix(_) => true,
        }
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(buffer),
            Stream::Unix(stream) => stream.read(buffer),
        }
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(bytes),
            Stream::Unix(stream) => stream.write(bytes),
        }
    }

    /// Registers the stream for reading.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.watch(registry, token, Interest::READABLE)
    }

    /// Registers the stream for `interest`.
    pub fn watch(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.source().register(registry, token, interest)
    }

    /// Registers the stream for writing as well.
    pub fn watch_for_room(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.source().reregister(registry, token, Interest::READABLE | Interest::WRITABLE)
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Stream::Tcp(stream) => stream,
            Stream::Unix(stream) => stream,
        }
    }
}

#[derive(Debug)]
pub enum ListeningSocket {
    Tcp(TcpListener),
    /// On a path, whose file is ours unless systemd made it.
    Unix {
        listener: UnixListener,
        _file: Option<SocketFile>,
    },
}

impl ListeningSocket {
    /// Registers the socket for waiting clients.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            ListeningSocket::Tcp(listener) => {
                listener.register(registry, token, Interest::READABLE)
            }
            ListeningSocket::Unix { listener, .. } => {
                listener.register(registry, token, Interest::READABLE)
            }
        }
    }

    /// Accepts the next waiting client, with the original's log line (BEHAVIOUR
    /// C4).
    pub fn accept(&self, log: &mut Log) -> io::Result<Stream> {
        let is_logged = log.takes(Severity::Info);
        match self {
            ListeningSocket::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                // A reply is one small write; it must not wait for another.
                let _ = stream.set_nodelay(true);
                if is_logged {
                    let end = |address: io::Result<SocketAddr>| {
                        address.map_or_else(|_| "?".to_string(), bracketed)
                    };
                    let (peer, local) = (end(stream.peer_addr()), end(stream.local_addr()));
                    let line = format!("CONNECT TCP Peer: \"{peer}\" Local: \"{local}\"");
                    log.line_with_time(Severity::Info, &line);
                }
                Ok(Stream::Tcp(stream))
            }
            ListeningSocket::Unix { listener, .. } => {
                let (stream, _) = listener.accept()?;
                if is_logged {
                    let address = listener.local_addr().ok();
                    let path = address.as_ref().and_then(|address| address.as_pathname());
                    let path = path.unwrap_or(Path::new("")).display();
                    let line = format!("CONNECT UNIX Socket: \"{path}\"");
                    log.line_with_time(Severity::Info, &line);
                }
                Ok(Stream::Unix(stream))
            }
        }
    }
}

fn bracketed(address: SocketAddr) -> String {
    format!("[{}]:{}", address.ip(), address.port())
}
