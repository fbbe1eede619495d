//! A client of the policy protocol, as Postfix is one.

use super::{start_of_time, watchdog};
use socket2::Socket;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The time limit of a wait for a reply before it fails.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The attributes of one request, in order.
#[derive(Clone)]
pub struct Attempt {
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Attempt({})", self.bytes().escape_ascii())
    }
}

impl Attempt {
    pub fn new(address: &str, name: &str, sender: &str, recipient: &str) -> Attempt {
        Attempt { attributes: Vec::new() }
            .with("request", "smtpd_access_policy")
            .with("client_address", address)
            .with("client_name", name)
            .with("sender", sender)
            .with("recipient", recipient)
    }

    /// Mail of a client that no rule knows, to this recipient.
    pub fn to(recipient: &str) -> Attempt {
        Attempt::new("192.0.2.1", "a.test", "alice@sender.test", recipient)
    }

    pub fn with(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Attempt {
        let (name, value) = (name.as_ref().to_vec(), value.as_ref().to_vec());
        match self.attributes.iter_mut().find(|(known, _)| *known == name) {
            Some(attribute) => attribute.1 = value,
            None => self.attributes.push((name, value)),
        }
        self
    }

    pub fn without(mut self, name: &str) -> Attempt {
        self.attributes.retain(|(known, _)| known != name.as_bytes());
        self
    }

    /// The same attempt, `seconds` after the start of time.
    pub fn at(self, seconds: i64) -> Attempt {
        self.with("policy_test_time", (start_of_time() + seconds).to_string())
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, value) in &self.attributes {
            bytes.extend_from_slice(name);
            bytes.push(b'=');
            bytes.extend_from_slice(value);
            bytes.push(b'\n');
        }
        bytes.push(b'\n');
        bytes
    }
}

pub struct Client {
    stream: BufReader<Socket>,
}

impl Client {
    pub fn unix(path: &Path) -> std::io::Result<Client> {
        Client::of(UnixStream::connect(path)?.into())
    }

    /// Connects over TCP to `host:port`.
    pub fn tcp(address: &str) -> std::io::Result<Client> {
        Client::of(TcpStream::connect(address)?.into())
    }

    fn of(stream: Socket) -> std::io::Result<Client> {
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Client { stream: BufReader::new(stream) })
    }

    /// Sends a request and waits for what follows `action=` in the reply.
    pub fn ask(&mut self, attempt: &Attempt) -> String {
        self.send(&attempt.bytes());
        self.reply().unwrap_or_else(|| panic!("no reply to {attempt:?}"))
    }

    /// Asserts that a request is deferred.
    #[track_caller]
    pub fn assert_deferred(&mut self, attempt: &Attempt) {
        let reply = self.ask(attempt);
        assert!(reply.starts_with("DEFER_IF_PERMIT "), "{reply} to {attempt:?}");
    }

    /// Like [`Client::ask`], of a server that may be killed meanwhile: nothing
    /// when the reply did not arrive.
    pub fn try_to_ask(&mut self, attempt: &Attempt) -> Option<String> {
        self.stream.get_mut().write_all(&attempt.bytes()).ok()?;
        self.reply()
    }

    /// Writes bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).and_then(|()| stream.flush()).expect("a server that reads");
    }

    pub fn half_close(&mut self) {
        self.stream.get_ref().shutdown(Shutdown::Write).expect("half-close");
    }

    /// The next reply, or nothing when the server closed the connection. Holds
    /// the server to the exact framing `action=TEXT\n\n`.
    pub fn reply(&mut self) -> Option<String> {
        let mut reply = Vec::new();
        while !reply.ends_with(b"\n\n") {
            match self.stream.read_until(b'\n', &mut reply) {
                Ok(0) if reply.is_empty() => return None,
                Ok(0) => panic!("cut off: {}", reply.escape_ascii()),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("while waiting for a reply: {error}"),
            }
        }
        let text = reply
            .strip_prefix(b"action=")
            .and_then(|rest| rest.strip_suffix(b"\n\n"))
            .unwrap_or_else(|| panic!("not a reply: {}", reply.escape_ascii()));
        watchdog::sign();
        Some(text.escape_ascii().to_string())
    }
}
