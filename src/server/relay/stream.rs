//! The two sides of a relayed connection, and what both can do.

use crate::daemon::stream::Stream;
use rustls::{ServerConfig, ServerConnection};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

/// One side of a connection, without blocking. Flushing sends what was written before,
/// as far as it still waits here; the error is `WouldBlock` if some remains.
pub trait Side: Read + Write {
    fn close_write(&mut self);
}

/// A client's side, with or without TLS.
pub struct ClientSide {
    pub socket: Stream,
    tls: Option<Box<ServerConnection>>,
}

impl ClientSide {
    pub fn new(socket: Stream) -> ClientSide {
        ClientSide { socket, tls: None }
    }

    pub fn start_tls(&mut self, config: Arc<ServerConfig>) -> Result<(), rustls::Error> {
        self.tls = Some(Box::new(ServerConnection::new(config)?));
        Ok(())
    }
}

impl Read for ClientSide {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.socket.read(buffer);
        };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // The end of TCP without the end of TLS: common, and a matter of
                // the protocol above.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                result => return result,
            }
            let count = tls.read_tls(&mut self.socket)?;
            let state = tls.process_new_packets();
            // Handshake messages, or an alert with the error.
            while tls.wants_write() && tls.write_tls(&mut self.socket).is_ok() {}
            state.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            if count == 0 {
                return Ok(0);
            }
        }
    }
}

impl Write for ClientSide {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        let Some(tls) = &mut self.tls else {
            return self.socket.write(bytes);
        };
        let count = tls.writer().write(bytes)?;
        // The rest is sent before further bytes are accepted.
        match self.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(count),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                tls.write_tls(&mut self.socket)?;
            }
        }
        Ok(())
    }
}

impl Side for ClientSide {
    fn close_write(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
        }
        let _ = self.flush();
        self.socket.close_write();
    }
}

impl Side for Stream {
    fn close_write(&mut self) {
        Stream::close_write(self);
    }
}
