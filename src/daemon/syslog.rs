//! The system's log, by datagrams to `/dev/log` (RFC 3164).
//!
//! Datagrams are queued: a slow logger delays no client, and a restarted one gets
//! the messages queued meanwhile. The `syslog` crate does not offer this.

use super::log_queue::Queue;
use super::{Severity, errno};
use jiff::ZonedDateTime;
use nix::errno::Errno;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

const DEV_LOG: &str = "/dev/log";

/// The interval of connection attempts to a missing logger.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// A connection to the system's logger, now and then.
#[derive(Debug)]
pub struct Syslog {
    facility: u8,
    socket: Option<UnixDatagram>,
    missed: Option<Instant>,
}

impl Syslog {
    /// A log under a facility's number. Nothing is connected yet.
    pub fn new(facility: u8) -> Syslog {
        Syslog { facility, socket: None, missed: None }
    }

    /// Starts a message as the original does, with the header of RFC 3164 without a
    /// host name (BEHAVIOUR C4).
    pub fn head(&self, severity: Severity) -> Vec<u8> {
        let priority = self.facility * 8 + severity.priority();
        let time = ZonedDateTime::now().strftime("%b %e %H:%M:%S").to_string();
        let mark = if severity == Severity::Complaint { "WARNING: " } else { "" };
        format!("<{priority}>{time} postgrey[{}]: {mark}", std::process::id()).into()
    }

    /// Sends queued messages until the logger accepts no more. Returns the number
    /// of messages that it can never accept, which are dropped.
    pub fn send(&mut self, queue: &mut Queue) -> u64 {
        let mut lost = 0;
        while let Some(datagram) = queue.first() {
            let Some(socket) = self.connected() else {
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
                // The logger has gone. It may be one that accepts connections and
                // no messages, so the next attempt waits in both cases.
                Err(_) => {
                    self.socket = None;
                    self.missed = Some(Instant::now());
                }
            }
        }
        lost
    }

    fn connected(&mut self) -> Option<&UnixDatagram> {
        let is_pause = |missed: Instant| missed.elapsed() < RETRY_INTERVAL;
        if self.socket.is_none() && !self.missed.is_some_and(is_pause) {
            self.socket = connect().ok();
            self.missed = self.socket.is_none().then(Instant::now);
        }
        self.socket.as_ref()
    }
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
            (2, Severity::Notice, "<21>", ": "),
            (2, Severity::Warning, "<20>", ": "),
            (2, Severity::Complaint, "<20>", ": WARNING: "),
            (2, Severity::Error, "<19>", ": "),
            (2, Severity::Critical, "<18>", ": "),
            (2, Severity::Info, "<22>", ": "),
            (16, Severity::Notice, "<133>", ": "),
            (20, Severity::Notice, "<165>", ": "),
        ];
        for (facility, severity, priority, mark) in table {
            let datagram = String::from_utf8(Syslog::new(facility).head(severity)).unwrap();
            let process = format!(" postgrey[{}]", std::process::id());
            let (head, tail) = datagram.split_once(&process).unwrap();
            assert_eq!(tail, mark);
            let time = head.strip_prefix(priority).unwrap();
            assert_eq!(time.len(), "Nov  3 22:45:07".len(), "{time}");
        }
    }
}
