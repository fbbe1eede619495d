//! One connection to the daemon, with at most one question on it.

use crate::daemon::nonblocking::{unless_blocked, write_out};
use crate::daemon::stream::Stream;
use crate::session::opensmtpd::PolicyQuestion;
use crate::session::policy_client::Replies;
use mio::{Interest, Registry, Token};
use socket2::SockAddr;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::time::Instant;

const READ_SIZE: usize = 4096;

#[derive(Debug)]
pub(super) struct Connection {
    socket: Stream,
    pub(super) address: usize,
    pub(super) is_established: bool,
    pub(super) opened: Instant,
    pub(super) question: Option<PolicyQuestion>,
    unsent: Vec<u8>,
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
        let socket = Stream::connect(address)?;
        socket.watch(registry, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Connection {
            address: number,
            is_established: socket.is_connected()?,
            socket,
            opened: now,
            question: None,
            unsent: Vec::new(),
            replies: Replies::default(),
        })
    }

    /// Returns true if it can carry a question.
    pub(super) fn is_idle(&self) -> bool {
        self.question.is_none()
    }

    pub(super) fn carry(&mut self, question: PolicyQuestion) {
        self.unsent.clone_from(&question.request);
        self.question = Some(question);
    }

    /// Returns true if the attempt to connect has succeeded.
    pub(super) fn finish_connecting(&mut self) -> io::Result<bool> {
        self.is_established = self.socket.is_connected()?;
        Ok(self.is_established)
    }

    pub(super) fn send(&mut self) -> io::Result<()> {
        if self.is_established {
            write_out(&mut self.unsent, |bytes| self.socket.write(bytes))?;
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
            match unless_blocked(|| self.socket.read(&mut piece))? {
                Some(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Some(length) => self.replies.feed(&piece[..length]),
                None => return Ok(None),
            }
        }
    }
}
