//! Sockets of either family: TCP, or a path of the file system.

use super::socket_file::SocketFile;
use crate::daemon::nonblocking::unless_blocked;
use crate::daemon::{Log, Severity};
use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
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

    /// Returns true once a connection that was begun here is made.
    pub fn is_connected(&self) -> io::Result<bool> {
        let error = match self {
            Stream::Tcp(stream) => stream.take_error()?,
            Stream::Unix(stream) => stream.take_error()?,
        };
        if let Some(error) = error {
            return Err(error);
        }
        let peer = unless_blocked(|| match self {
            Stream::Tcp(stream) => stream.peer_addr().map(drop),
            Stream::Unix(stream) => stream.peer_addr().map(drop),
        });
        Ok(peer?.is_some())
    }

    pub fn close_write(&self) {
        let _ = match self {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }

    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.watch(registry, token, Interest::READABLE)
    }

    pub fn watch(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.source().register(registry, token, interest)
    }

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

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(buffer),
            Stream::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(bytes),
            Stream::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
