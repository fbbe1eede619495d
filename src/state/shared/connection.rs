//! A connection to one server.

use super::address::{Login, StateServer};
use super::resp::{self, Value};
use super::stream::{self, Stream};
use crate::state::Error;
use rustls::ClientConfig;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Instant;

const READ_SIZE: usize = 64 << 10;

/// The settings that all connections share.
#[derive(Clone)]
pub struct Access {
    /// The configuration of TLS, if it is spoken.
    pub tls: Option<Arc<ClientConfig>>,
    /// The user, if the server wants one.
    pub login: Option<Login>,
    pub database: u32,
}

pub struct Connection {
    endpoint: StateServer,
    stream: Box<dyn Stream>,
    input: Vec<u8>,
    /// The bytes of the input that were replies.
    parsed: usize,
    buffer: Box<[u8]>,
}

impl Connection {
    /// Connects, logs in and selects the database.
    pub fn open(
        endpoint: &StateServer,
        access: &Access,
        deadline: Instant,
    ) -> Result<Connection, Error> {
        let mut connection = Connection::open_without_login(endpoint, access, deadline)?;
        if let Some(login) = &access.login {
            connection.log_in(login, deadline)?;
        }
        if access.database != 0 {
            let number = access.database.to_string();
            connection.ask(&[b"SELECT", number.as_bytes()], deadline)?;
        }
        Ok(connection)
    }

    pub fn open_without_login(
        endpoint: &StateServer,
        access: &Access,
        deadline: Instant,
    ) -> Result<Connection, Error> {
        let stream = stream::connect(endpoint, access.tls.as_ref(), deadline);
        let stream = stream.map_err(|error| explain(endpoint, &error))?;
        let buffer = vec![0; READ_SIZE].into();
        Ok(Connection { endpoint: endpoint.clone(), stream, input: Vec::new(), parsed: 0, buffer })
    }

    pub fn log_in(&mut self, login: &Login, deadline: Instant) -> Result<(), Error> {
        let user = login.user.as_deref().map(str::as_bytes);
        let words = [Some(b"AUTH".as_slice()), user, Some(login.password.as_bytes())];
        let words: Vec<&[u8]> = words.into_iter().flatten().collect();
        self.ask(&words, deadline).map(|_| ())
    }

    /// Sends a command and receives its reply.
    pub fn ask(&mut self, command: &[&[u8]], deadline: Instant) -> Result<Value, Error> {
        let reply = self.exchange(command, deadline)?;
        match reply.error() {
            Some(error) => Err(refusal(&self.endpoint, error)),
            None => Ok(reply),
        }
    }

    /// Sends a command and receives its reply, which may be an error.
    pub fn exchange(&mut self, command: &[&[u8]], deadline: Instant) -> Result<Value, Error> {
        self.send(&resp::encode(command.iter().copied()), deadline)?;
        self.receive(deadline)
    }

    pub fn send(&mut self, commands: &[u8], deadline: Instant) -> Result<(), Error> {
        self.stream.set_deadline(deadline);
        let sent = self.stream.write_all(commands).and_then(|()| self.stream.flush());
        sent.map_err(|error| explain(&self.endpoint, &error))
    }

    /// Receives the reply to the oldest command without one.
    pub fn receive(&mut self, deadline: Instant) -> Result<Value, Error> {
        self.stream.set_deadline(deadline);
        loop {
            match resp::parse(&self.input[self.parsed..]) {
                Ok(Some((value, length))) => {
                    self.parsed += length;
                    return Ok(value);
                }
                Ok(None) => self.read().map_err(|error| explain(&self.endpoint, &error))?,
                Err(resp::Malformed) => return Err(unexpected(&self.endpoint)),
            }
        }
    }

    fn read(&mut self) -> io::Result<()> {
        self.input.drain(..std::mem::take(&mut self.parsed));
        match self.stream.read(&mut self.buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                self.input.extend_from_slice(&self.buffer[..length]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The failure of a server that refuses a command.
pub fn refusal(endpoint: &StateServer, error: &str) -> Error {
    Error::new(format!("shared state: {endpoint}: {error}"))
}

/// The failure of a server whose reply is not that of a Redis.
pub fn unexpected(endpoint: &StateServer) -> Error {
    Error::new(format!("shared state: {endpoint}: the reply is not that of a Redis or Valkey"))
}

fn explain(endpoint: &StateServer, error: &io::Error) -> Error {
    let why = match error.kind() {
        ErrorKind::TimedOut => "no answer in time".to_owned(),
        ErrorKind::UnexpectedEof => "the connection was closed".to_owned(),
        _ => match error.raw_os_error() {
            Some(number) => nix::errno::Errno::from_raw(number).desc().to_owned(),
            None => error.to_string(),
        },
    };
    Error::new(format!("shared state: {endpoint}: {why}"))
}
