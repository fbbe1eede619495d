//! Listening sockets of either family: TCP, or a path of the file system.

use super::socket_file::SocketFile;
use crate::daemon::stream::Stream;
use crate::daemon::{Log, Severity};
use mio::event::Source;
use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};
use std::io;
use std::net::SocketAddr;
use std::path::Path;

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
        let source: &mut dyn Source = match self {
            ListeningSocket::Tcp(listener) => listener,
            ListeningSocket::Unix { listener, .. } => listener,
        };
        source.register(registry, token, Interest::READABLE)
    }

    /// Accepts the next waiting client, with the original's log line (BEHAVIOUR
    /// C4).
    pub fn accept(&self, log: &mut Log) -> io::Result<Stream> {
        let is_logged = log.takes(Severity::Info);
        match self {
            ListeningSocket::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                if is_logged {
                    let end = |address: io::Result<SocketAddr>| {
                        address.map_or_else(|_| "?".to_string(), bracketed)
                    };
                    let (peer, local) = (end(stream.peer_addr()), end(stream.local_addr()));
                    let line = format!("CONNECT TCP Peer: \"{peer}\" Local: \"{local}\"");
                    log.line_with_time(Severity::Info, &line);
                }
                Ok(Stream::accepted(stream, true))
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
                Ok(Stream::accepted(stream, false))
            }
        }
    }
}

fn bracketed(address: SocketAddr) -> String {
    format!("[{}]:{}", address.ip(), address.port())
}
