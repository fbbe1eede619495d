//! The transport of one question to one server: a datagram socket, or a TCP connection for
//! answers that are too long for a datagram.

use mio::net::{TcpStream, UdpSocket};
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};

/// Bytes of the longest datagram (RFC 1035 section 2.3.4), with room to spare.
const MAX_DATAGRAM: usize = 4096;

/// The socket of a question. Each question has another one, so that the system
/// chooses a random source port (RFC 5452 section 9.2).
pub enum Transport {
    Udp(UdpSocket),
    /// Messages with their length (RFC 1035 section 4.2.2).
    Tcp(TcpExchange),
}

impl Transport {
    pub fn udp(server: SocketAddr, message: &[u8]) -> io::Result<Transport> {
        let any = match server {
            SocketAddr::V4(_) => IpAddr::from([0, 0, 0, 0]),
            SocketAddr::V6(_) => IpAddr::from([0_u16; 8]),
        };
        let socket = UdpSocket::bind((any, 0).into())?;
        socket.connect(server)?;
        socket.send(message)?;
        Ok(Transport::Udp(socket))
    }

    /// Begins to send a message over TCP.
    pub fn tcp(server: SocketAddr, message: &[u8]) -> io::Result<Transport> {
        let stream = TcpStream::connect(server)?;
        let length = u16::try_from(message.len()).map_err(|_| ErrorKind::InvalidInput)?;
        let unsent = [&length.to_be_bytes(), message].concat();
        Ok(Transport::Tcp(TcpExchange { stream, unsent, received: Vec::new() }))
    }

    /// Has the caller's loop watch the socket.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Transport::Udp(socket) => registry.register(socket, token, Interest::READABLE),
            Transport::Tcp(TcpExchange { stream, .. }) => {
                registry.register(stream, token, Interest::READABLE | Interest::WRITABLE)
            }
        }
    }

    /// Returns the next message, or `None` if there is none yet.
    pub fn receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self {
            Transport::Udp(socket) => {
                let mut datagram = [0; MAX_DATAGRAM];
                match unless_blocked(|| socket.recv(&mut datagram))? {
                    Some(length) => Ok(Some(datagram[..length].to_vec())),
                    None => Ok(None),
                }
            }
            Transport::Tcp(exchange) => exchange.receive(),
        }
    }
}

pub struct TcpExchange {
    stream: TcpStream,
    unsent: Vec<u8>,
    received: Vec<u8>,
}

impl TcpExchange {
    fn receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        while !self.unsent.is_empty() {
            match unless_not_connected(|| self.stream.write(&self.unsent))? {
                Some(0) => return Err(ErrorKind::WriteZero.into()),
                Some(count) => drop(self.unsent.drain(..count)),
                None => return Ok(None),
            }
        }
        loop {
            if let Some((length, rest)) = self.received.split_first_chunk::<2>() {
                let length = usize::from(u16::from_be_bytes(*length));
                if let Some(message) = rest.get(..length) {
                    return Ok(Some(message.to_vec()));
                }
            }
            let mut piece = [0; MAX_DATAGRAM];
            match unless_not_connected(|| self.stream.read(&mut piece))? {
                Some(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Some(count) => self.received.extend_from_slice(&piece[..count]),
                None => return Ok(None),
            }
        }
    }
}

/// Returns `None` where a connection is not made yet.
fn unless_not_connected<T>(action: impl FnMut() -> io::Result<T>) -> io::Result<Option<T>> {
    match unless_blocked(action) {
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(None),
        result => result,
    }
}

/// Returns `None` where the socket has to be waited for.
fn unless_blocked<T>(mut action: impl FnMut() -> io::Result<T>) -> io::Result<Option<T>> {
    loop {
        match action() {
            Ok(value) => return Ok(Some(value)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}
