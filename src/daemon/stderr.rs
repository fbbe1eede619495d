//! Standard error as the destination of the log; its reader may be slow or stuck.
//!
//! No write blocks. Standard error is shared with other processes, so it must not
//! be made non-blocking itself. A terminal or a pipe is opened a second time;
//! anything else is written to when it polls as writable.

use super::Severity;
use super::log_queue::Queue;
use super::nonblocking::write_out;
use super::systemd;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

/// The bytes per write: a pipe or socket that polls as writable accepts
/// `PIPE_BUF` bytes without blocking.
const MAX_WRITE: usize = 4096;

/// Lines on their way to standard error.
#[derive(Debug)]
pub struct Stderr {
    /// The lines being written, without the bytes already written.
    piece: Vec<u8>,
    own: Option<File>,
    /// True if systemd's journal reads it.
    pub is_journal: bool,
}

impl Stderr {
    pub fn new() -> Stderr {
        Stderr {
            piece: Vec::new(),
            own: open_again(),
            is_journal: systemd::is_journal(&io::stderr()),
        }
    }

    /// Starts a line, with the journal's number for its severity.
    pub fn head(&self, severity: Severity) -> Vec<u8> {
        if self.is_journal { format!("<{}>", severity.priority()).into() } else { Vec::new() }
    }

    /// Returns true if the rest of a line waits to be written.
    pub fn is_unfinished(&self) -> bool {
        !self.piece.is_empty()
    }

    pub fn send(&mut self, lines: &mut Queue) {
        loop {
            while self.piece.len() < MAX_WRITE {
                let Some(mut line) = lines.pop() else {
                    break;
                };
                self.piece.append(&mut line);
            }
            if self.piece.is_empty() {
                return;
            }
            let own = &mut self.own;
            match write_out(&mut self.piece, |piece| write(own, piece)) {
                Ok(true) => {}
                Ok(false) => return,
                // Errors of standard error cannot be reported.
                Err(_) => self.piece.clear(),
            }
        }
    }
}

fn write(own: &mut Option<File>, piece: &[u8]) -> io::Result<usize> {
    let piece = &piece[..piece.len().min(MAX_WRITE)];
    match own {
        Some(own) => own.write(piece),
        None if is_writable(&io::stderr()) => io::stderr().write(piece),
        None => Err(ErrorKind::WouldBlock.into()),
    }
}

/// Opens the same terminal or pipe again; `None` if it is neither.
fn open_again() -> Option<File> {
    let path = "/proc/self/fd/2";
    let is_pipe = || std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo());
    if !io::stderr().is_terminal() && !is_pipe() {
        return None;
    }
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    OpenOptions::new().write(true).custom_flags(flags.bits()).open(path).ok()
}

fn is_writable(stream: &impl AsFd) -> bool {
    let mut streams = [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
    matches!(poll(&mut streams, PollTimeout::ZERO), Ok(1..))
}
