//! Connections to the mail server behind the proxy.

use crate::daemon::nonblocking::{unless_blocked, write_out};
use crate::daemon::stream::Stream;
use crate::session::smtp::{Dialogue, DialogueStep};
use mio::{Interest, Registry, Token};
use socket2::SockAddr;
use std::io::{self, Read as _, Write as _};

pub struct BackendConnection {
    pub socket: Stream,
    is_connected: bool,
    unsent: Vec<u8>,
}

impl BackendConnection {
    /// Begins to connect. `head` is sent first, without waiting for an answer.
    pub fn connect(
        address: &SockAddr,
        head: Vec<u8>,
        registry: &Registry,
        token: Token,
    ) -> io::Result<BackendConnection> {
        let socket = Stream::connect(address)?;
        socket.watch(registry, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(BackendConnection { socket, is_connected: false, unsent: head })
    }

    /// Returns true once the connection is made and the head is sent.
    pub fn is_open(&mut self) -> io::Result<bool> {
        self.is_connected = self.is_connected || self.socket.is_connected()?;
        Ok(self.is_connected && self.send()?)
    }

    /// Continues a dialogue as far as the mail server has replied. The last
    /// step is returned.
    pub fn talk(&mut self, dialogue: &mut Dialogue, buffer: &mut [u8]) -> io::Result<DialogueStep> {
        while self.is_open()? {
            match unless_blocked(|| self.socket.read(buffer))? {
                None => break,
                Some(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(count) => match dialogue.feed(&buffer[..count]) {
                    DialogueStep::Wait => {}
                    DialogueStep::Send(command) => self.unsent = command,
                    end => return Ok(end),
                },
            }
        }
        Ok(DialogueStep::Wait)
    }

    /// Sends QUIT if there is room for it.
    pub fn quit(mut self) {
        let _ = self.socket.write(b"QUIT\r\n");
    }

    fn send(&mut self) -> io::Result<bool> {
        write_out(&mut self.unsent, |bytes| self.socket.write(bytes))
    }
}
