//! The sockets on which mail servers ask (BEHAVIOUR B2, B3).

use super::acceptor::Listener;
use super::socket::ListeningSocket;
use super::socket_file;
use crate::cli::Listen;
use crate::daemon::endpoint::{Endpoint, family};
use crate::daemon::privileges::Identity;
use crate::daemon::{Failure, Log, Severity, errno};
use crate::session::Protocol;
use mio::net::{TcpListener, UnixListener};
use nix::errno::Errno;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

/// The default length of the queue of connections; the system lowers it to its
/// limit (BEHAVIOUR A3).
const BACKLOG: i32 = 4096;

/// The name of a socket of systemd on which the milter protocol is spoken
/// (`FileDescriptorName=`).
const MILTER: &str = "milter";

/// Opens the sockets of the daemon, each with lines for the log.
pub struct Opener<'o> {
    pub backlog: Option<i32>,
    /// The owner of socket files.
    pub identity: &'o Identity,
    pub log: &'o mut Log,
}

impl Opener<'_> {
    /// Opens the sockets of an option.
    pub fn open(&mut self, listen: &Listen) -> Result<Vec<ListeningSocket>, Failure> {
        match listen {
            Listen::Unix { path, mode } => {
                let shown = path.display();
                let line = format!("Binding to UNIX socket file \"{shown}\"");
                self.log.line(Severity::Notice, line);
                let explain = |why| refused(&format!("UNIX socket at file {shown}"), why);
                let backlog = self.backlog.unwrap_or(BACKLOG);
                let (listener, file) =
                    socket_file::bind(path, *mode, backlog, self.identity, explain)?;
                self.log.flush();
                Ok(vec![ListeningSocket::Unix { listener, _file: Some(file) }])
            }
            Listen::Inet(text) => self.open_inet(&Endpoint::parse(text)?),
        }
    }

    pub fn open_inet(&mut self, endpoint: &Endpoint) -> Result<Vec<ListeningSocket>, Failure> {
        let Opener { backlog, log, .. } = self;
        let backlog = backlog.unwrap_or(BACKLOG);
        let resolution = endpoint.resolve()?;
        for line in &resolution.lines {
            log.line(Severity::Notice, line);
        }
        let mut addresses = resolution.addresses;
        let mut listeners = Vec::new();
        let mut absent = None;
        while !addresses.is_empty() {
            let address = addresses.remove(0);
            let (ip, port) = (address.ip(), address.port());
            let line = format!("Binding to TCP port {port} on host {ip} with {}", family(address));
            log.line(Severity::Notice, line);
            match bind_tcp(address, backlog) {
                Ok((listener, bound)) => {
                    if port == 0 {
                        // The system chose a port; the other addresses get the same.
                        let line = format!("  Bound to auto-assigned port {bound}");
                        log.line(Severity::Notice, line);
                        addresses.iter_mut().for_each(|address| address.set_port(bound));
                    }
                    listeners.push(ListeningSocket::Tcp(listener));
                }
                Err(error) => {
                    let why = errno(&error);
                    let failure = refused(&format!("TCP port {port} on {ip}"), why);
                    // `localhost` often has an IPv6 address where IPv6 is off.
                    if !matches!(why, Errno::EADDRNOTAVAIL | Errno::EAFNOSUPPORT) {
                        return Err(failure);
                    }
                    absent.get_or_insert(failure);
                }
            }
        }
        match absent {
            Some(failure) if listeners.is_empty() => Err(failure),
            Some(failure) => {
                log.line(Severity::Warning, format!("{failure}; the other addresses are used"));
                Ok(listeners)
            }
            None => Ok(listeners),
        }
    }

    /// Adopts listening sockets of systemd.
    pub fn adopt(&mut self, sockets: Vec<OwnedFd>) -> Result<Vec<ListeningSocket>, Failure> {
        self.log.line(Severity::Notice, format!("Using {} sockets of systemd", sockets.len()));
        sockets.into_iter().map(adopt_socket).collect::<io::Result<_>>().map_err(|error| {
            let why = errno(&error);
            Failure::system(format!("can't use a socket of systemd: {}", why.desc()), why)
        })
    }

    /// Opens the sockets of mail servers. Those of systemd replace the ones that
    /// options name for the same protocol.
    pub fn open_for_mail(
        &mut self,
        options: [(Protocol, &Option<Listen>); 2],
        handed_over: Vec<(OwnedFd, String)>,
    ) -> Result<Vec<Listener>, Failure> {
        let mut listeners = Vec::new();
        if !handed_over.is_empty() {
            let (sockets, names): (Vec<_>, Vec<_>) = handed_over.into_iter().unzip();
            let protocols = names.iter().map(|name| match name.as_str() {
                MILTER => Protocol::Milter,
                _ => Protocol::Policy,
            });
            listeners.extend(self.adopt(sockets)?.into_iter().zip(protocols));
        }
        let has_milter = listeners.iter().any(|(_, protocol)| *protocol == Protocol::Milter);
        let is_replaced = |protocol| match protocol {
            Protocol::Policy => !listeners.is_empty(),
            Protocol::Milter => has_milter,
        };
        let wanted = options.into_iter().filter(|(protocol, _)| !is_replaced(*protocol));
        for (protocol, place) in wanted.collect::<Vec<_>>() {
            if let Some(place) = place {
                let sockets = self.open(place)?.into_iter();
                listeners.extend(sockets.map(|socket| (socket, protocol)));
            }
        }
        Ok(listeners)
    }
}

fn adopt_socket(descriptor: OwnedFd) -> io::Result<ListeningSocket> {
    let socket = Socket::from(descriptor);
    socket.set_nonblocking(true)?;
    if socket.r#type()? != Type::STREAM {
        return Err(io::Error::from(Errno::ESOCKTNOSUPPORT));
    }
    if !socket.is_listener()? {
        // A connection, as a unit with `Accept=yes` hands it over.
        return Err(io::Error::from(Errno::EOPNOTSUPP));
    }
    Ok(match socket.domain()? {
        Domain::UNIX => {
            ListeningSocket::Unix { listener: UnixListener::from_std(socket.into()), _file: None }
        }
        _ => ListeningSocket::Tcp(TcpListener::from_std(socket.into())),
    })
}

/// The original's error for a socket that cannot be opened, with advice.
fn refused(socket: &str, why: Errno) -> Failure {
    let advice = match why {
        Errno::EADDRINUSE => "; another program listens there",
        Errno::EADDRNOTAVAIL => "; this machine has no such address",
        Errno::EACCES => "; start it as root; it drops root's rights after binding",
        Errno::ENOENT => "; create the directory first",
        Errno::EISDIR => "; add a name for the socket in it",
        Errno::ENAMETOOLONG => "; the path of a socket has 107 bytes at most",
        _ => "",
    };
    Failure::system(format!("Can't connect to {socket} [{}]{advice}", why.desc()), why)
}

fn bind_tcp(address: SocketAddr, backlog: i32) -> io::Result<(TcpListener, u16)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), None)?;
    socket.set_reuse_address(true)?;
    if let IpAddr::V6(ip) = address.ip() {
        // `::` includes IPv4, for all defaults of the system; an address like
        // `::ffff:127.0.0.1` is an IPv4 one.
        socket.set_only_v6(!ip.is_unspecified() && ip.to_ipv4_mapped().is_none())?;
    }
    socket.bind(&SockAddr::from(address))?;
    socket.listen(backlog)?;
    let listener = std::net::TcpListener::from(socket);
    let port = listener.local_addr()?.port();
    Ok((TcpListener::from_std(listener), port))
}
