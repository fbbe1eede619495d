//! One connection to the daemon, with at most one question on it.

use crate::daemon::nonblocking::unless_blocked;
use crate::session::opensmtpd::PolicyQuestion;
use crate::session::policy_client::Replies;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use socket2::{SockAddr, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::time::Instant;

const READ_SIZE: usize = 4096;

#[derive(Debug)]
pub(super) struct Connection {
    socket: Socket,
    pub(super) address: usize,
    pub(super) is_established: bool,
    pub(super) opened: Instant,
    pub(super) question: Option<PolicyQuestion>,
    /// The number of bytes of the question already sent.
    sent: usize,
    replies: Replies,
}

impl Connection {
    pub(super) fn open(
        address: &SockAddr,
        number: usize,
        registry: &Registry,
        token: Token,
        now: Instant,
    ) -> io::Result<Connection> {
        let socket = Socket::new(address.domain(), Type::STREAM.nonblocking(), None)?;
        let is_established = match socket.connect(address) {
            Ok(()) => true,
            Err(error) if error.raw_os_error() == Some(Errno::EINPROGRESS as i32) => false,
            Err(error) => return Err(error),
        };
        if !address.is_unix() {
            socket.set_tcp_nodelay(true)?;
        }
        let interests = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut SourceFd(&socket.as_raw_fd()), token, interests)?;
        Ok(Connection {
            socket,
            address: number,
            is_established,
            opened: now,
            question: None,
            sent: 0,
            replies: Replies::default(),
        })
    }

    pub(super) fn close(self, registry: &Registry) -> Option<PolicyQuestion> {
        // Closing the socket would end it as well.
        let _ = registry.deregister(&mut SourceFd(&self.socket.as_raw_fd()));
        self.question
    }

    /// Returns true if it can carry a question.
    pub(super) fn is_idle(&self) -> bool {
        self.question.is_none()
    }

    pub(super) fn carry(&mut self, question: PolicyQuestion) {
        self.question = Some(question);
        self.sent = 0;
    }

    /// Returns true if the attempt to connect has succeeded.
    pub(super) fn finish_connecting(&mut self) -> io::Result<bool> {
        if let Some(error) = self.socket.take_error()? {
            return Err(error);
        }
        self.is_established = self.socket.peer_addr().is_ok();
        Ok(self.is_established)
    }

    pub(super) fn send(&mut self) -> io::Result<()> {
        let Some(question) = self.question.as_ref().filter(|_| self.is_established) else {
            return Ok(());
        };
        while self.sent < question.request.len() {
            match unless_blocked(|| (&self.socket).write(&question.request[self.sent..]))? {
                Some(written) => self.sent += written,
                None => break,
            }
        }
        Ok(())
    }

    /// Reads until a reply is complete. Returns the question that was answered
    /// and the action, or `None` if the socket has no more bytes.
    pub(super) fn receive(&mut self) -> io::Result<Option<(PolicyQuestion, Vec<u8>)>> {
        let mut piece = [0; READ_SIZE];
        loop {
            let action = self.replies.next_action();
            if let Some(action) = action.map_err(|_| ErrorKind::InvalidData)? {
                let question = self.question.take().ok_or(ErrorKind::InvalidData)?;
                return Ok(Some((question, action)));
            }
            match unless_blocked(|| (&self.socket).read(&mut piece))? {
                Some(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Some(length) => self.replies.feed(&piece[..length]),
                None => return Ok(None),
            }
        }
    }
}
