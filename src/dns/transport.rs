//! The transport of one question to one server: a datagram socket, or a TCP connection
//! for answers that are too long for a datagram.

use crate::daemon::nonblocking::{unless_blocked, write_out};
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

    /// Starts to send a message over TCP.
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
                let length = unless_blocked(|| socket.recv(&mut datagram))?;
                Ok(length.map(|length| datagram[..length].to_vec()))
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
        if !write_out(&mut self.unsent, |bytes| self.stream.write(bytes))? {
            return Ok(None);
        }
        loop {
            if let Some((length, rest)) = self.received.split_first_chunk::<2>() {
                let length = usize::from(u16::from_be_bytes(*length));
                if let Some(message) = rest.get(..length) {
                    return Ok(Some(message.to_vec()));
                }
            }
            let mut piece = [0; MAX_DATAGRAM];
            match unless_blocked(|| self.stream.read(&mut piece))? {
                Some(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Some(count) => self.received.extend_from_slice(&piece[..count]),
                None => return Ok(None),
            }
        }
    }
}
