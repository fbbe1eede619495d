//! The system's log, by datagrams to `/dev/log` (RFC 3164).
//!
//! The `syslog` crate formats and numbers the messages. Its own sockets wait
//! for a slow reader and never come back to one that was restarted, so the
//! datagrams queue here and go through a socket of ours.

use super::log_queue::Queue;
use super::{Severity, errno};
use jiff::ZonedDateTime;
use nix::errno::Errno;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};
use syslog::{LogFormat, Logger};

/// Where the system's logger listens.
const DEV_LOG: &str = "/dev/log";

/// How long to wait before another look for a logger that is not there.
const PAUSE: Duration = Duration::from_secs(1);

/// A connection to the system's logger, now and then.
pub struct Syslog {
    logger: Logger<Datagrams, Header>,
    socket: Option<UnixDatagram>,
    missed: Option<Instant>,
}

impl fmt::Debug for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Syslog({:?})", self.logger.backend)
    }
}

/// Datagrams that wait to be sent.
#[derive(Debug, Default)]
struct Datagrams {
    queue: Queue,
}

impl Write for Datagrams {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.queue.push(datagram.to_vec());
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a datagram as the original's does: the header of RFC 3164 without a
/// host name, and a newline at the end (BEHAVIOUR C4).
#[derive(Debug)]
struct Header {
    facility: u8,
}

impl LogFormat<&[u8]> for Header {
    fn format<W: Write>(
        &self,
        datagram: &mut W,
        severity: syslog::Severity,
        message: &[u8],
    ) -> syslog::Result<()> {
        let priority = self.facility * 8 + severity as u8;
        let time = ZonedDateTime::now().strftime("%b %e %H:%M:%S").to_string();
        let header = format!("<{priority}>{time} postgrey[{}]: ", std::process::id());
        datagram.write_all(&[header.as_bytes(), message, b"\n"].concat())?;
        Ok(())
    }
}

impl Syslog {
    /// A log under a facility's number. Nothing is connected yet.
    pub fn new(facility: u8) -> Syslog {
        let logger = Logger::new(Datagrams::default(), Header { facility });
        Syslog { logger, socket: None, missed: None }
    }

    /// Queues a message.
    pub fn push(&mut self, severity: Severity, message: &[u8]) {
        let logger = &mut self.logger;
        let queued = match severity {
            Severity::Critical => logger.crit(message),
            Severity::Error => logger.err(message),
            Severity::Complaint => logger.warning([b"WARNING: ", message].concat().as_slice()),
            Severity::Warning => logger.warning(message),
            Severity::Notice => logger.notice(message),
            Severity::Info => logger.info(message),
        };
        debug_assert!(queued.is_ok(), "a queue in memory takes everything");
    }

    /// The messages that wait.
    pub fn queue(&self) -> &Queue {
        &self.logger.backend.queue
    }

    /// Sends waiting messages until the logger takes no more. Returns how many
    /// it can never take, which are lost.
    pub fn send(&mut self) -> u64 {
        let mut lost = 0;
        let queue = &mut self.logger.backend.queue;
        while let Some(datagram) = queue.first() {
            let Some(socket) = connected(&mut self.socket, &mut self.missed) else {
                break;
            };
            match socket.send(datagram) {
                Ok(_) => {
                    queue.pop();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if errno(&error) == Errno::EMSGSIZE => {
                    queue.pop();
                    lost += 1;
                }
                // The logger went away. It may be one that takes connections
                // and no messages, so the next try waits in either case.
                Err(_) => {
                    self.socket = None;
                    self.missed = Some(Instant::now());
                }
            }
        }
        lost
    }
}

fn connected<'s>(
    socket: &'s mut Option<UnixDatagram>,
    missed: &mut Option<Instant>,
) -> Option<&'s UnixDatagram> {
    if socket.is_none() {
        if missed.is_some_and(|missed| missed.elapsed() < PAUSE) {
            return None;
        }
        match connect() {
            Ok(connected) => {
                *missed = None;
                *socket = Some(connected);
            }
            Err(_) => *missed = Some(Instant::now()),
        }
    }
    socket.as_ref()
}

fn connect() -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect(DEV_LOG)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_have_the_original_s_form() {
        let table = [
            (2, Severity::Notice, "<21>", ": x\n"),
            (2, Severity::Warning, "<20>", ": x\n"),
            (2, Severity::Complaint, "<20>", ": WARNING: x\n"),
            (2, Severity::Error, "<19>", ": x\n"),
            (2, Severity::Critical, "<18>", ": x\n"),
            (2, Severity::Info, "<22>", ": x\n"),
            (16, Severity::Notice, "<133>", ": x\n"),
            (20, Severity::Notice, "<165>", ": x\n"),
        ];
        for (facility, severity, priority, message) in table {
            let mut log = Syslog::new(facility);
            log.push(severity, b"x");
            let datagram = String::from_utf8(log.queue().first().unwrap().to_vec()).unwrap();
            let process = format!(" postgrey[{}]", std::process::id());
            let (head, tail) = datagram.split_once(&process).unwrap();
            assert_eq!(tail, message);
            let time = head.strip_prefix(priority).unwrap();
            assert_eq!(time.len(), "Nov  3 22:45:07".len(), "{time}");
        }
    }
}
