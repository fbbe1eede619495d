//! A connection to a policy server, opened on the first request, and again after
//! the server closed it.

use crate::cli::ServerAddress;
use crate::daemon::{Failure, errno};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

trait Stream: Read + Write + Send {}
impl Stream for TcpStream {}
impl Stream for UnixStream {}

pub struct Connection<'t> {
    target: &'t ServerAddress,
    stream: Option<BufReader<Box<dyn Stream>>>,
}

impl<'t> Connection<'t> {
    pub fn new(target: &'t ServerAddress) -> Connection<'t> {
        Connection { target, stream: None }
    }

    /// Sends a request and returns the reply with its final empty line.
    /// Reconnects to a server that closes after each reply (`--exim`).
    pub fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>, Failure> {
        if let Some(mut stream) = self.stream.take() {
            if let Ok(Some(reply)) = exchange(&mut stream, request) {
                self.stream = Some(stream);
                return Ok(reply);
            }
        }
        let mut stream = BufReader::new(self.connect()?);
        match exchange(&mut stream, request) {
            Ok(Some(reply)) => {
                self.stream = Some(stream);
                Ok(reply)
            }
            Ok(None) => Err(Failure::new("the server closed the connection without an answer")),
            Err(error) => {
                Err(Failure::system(format!("no answer: {}", errno(&error).desc()), errno(&error)))
            }
        }
    }

    /// The messages are the original's.
    fn connect(&self) -> Result<Box<dyn Stream>, Failure> {
        match self.target {
            ServerAddress::Inet(host, port) => {
                let connected = TcpStream::connect((host.as_str(), *port)).and_then(|stream| {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(TIMEOUT))?;
                    Ok(Box::new(stream) as Box<dyn Stream>)
                });
                connected.map_err(|error| {
                    let why = errno(&error);
                    let text = format!("Can't connect to {host}:{port}: {}", why.desc());
                    Failure::system(text, why)
                })
            }
            ServerAddress::Unix(path) => {
                let connected = UnixStream::connect(path).and_then(|stream| {
                    stream.set_read_timeout(Some(TIMEOUT))?;
                    Ok(Box::new(stream) as Box<dyn Stream>)
                });
                connected.map_err(|error| {
                    let (path, why) = (path.display(), errno(&error));
                    Failure::system(format!("Can't open {path}: {path}:: {}", why.desc()), why)
                })
            }
        }
    }
}

/// Returns `None` if the server closed before it replied.
fn exchange(
    stream: &mut BufReader<Box<dyn Stream>>,
    request: &[u8],
) -> io::Result<Option<Vec<u8>>> {
    stream.get_mut().write_all(request)?;
    let mut reply = Vec::new();
    loop {
        let start = reply.len();
        if stream.read_until(b'\n', &mut reply)? == 0 {
            return Ok(None);
        }
        if &reply[start..] == b"\n" {
            return Ok(Some(reply));
        }
    }
}
