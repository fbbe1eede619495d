//! The loop: lines from smtpd, questions to the daemon, results to smtpd.

use super::pool::Pool;
use super::smtpd;
use crate::daemon::rate_limited::RateLimitedError;
use crate::daemon::{Failure, Format, Log, Severity, Verbosity, errno};
use crate::session::lines::{InputLine, Lines};
use crate::session::opensmtpd::{Complaint, SmtpdFilter};
use mio::{Events, Poll, Token};
use socket2::SockAddr;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

const INPUT: Token = Token(0);
const OUTPUT: Token = Token(1);
const FIRST_CONNECTION: usize = 2;

const READ_SIZE: usize = 64 * 1024;

/// The longest line. A line of a message has at most 65,535 bytes in smtpd.
const MAX_LINE: usize = 1024 * 1024;

/// Bytes and requests that may wait before no more is read.
const MAX_OUTPUT: usize = 1024 * 1024;
const MAX_PENDING: usize = 10_000;

struct EventLoop {
    filter: SmtpdFilter,
    lines: Lines<MAX_LINE>,
    pool: Pool,
    log: Log,
    is_readable: bool,
    /// Limits the log lines about lines from smtpd.
    line_error: RateLimitedError,
}

pub(super) fn run(
    addresses: Vec<SockAddr>,
    name: String,
    adds_header: bool,
) -> Result<(), Failure> {
    let mut poll = Poll::new().map_err(|error| refused(&error))?;
    smtpd::watch(poll.registry(), INPUT, OUTPUT)?;
    let registry = poll.registry().try_clone().map_err(|error| refused(&error))?;
    let mut events = Events::with_capacity(64);
    let mut state = EventLoop {
        filter: SmtpdFilter::new(adds_header),
        lines: Lines::default(),
        pool: Pool::new(addresses, name, registry, FIRST_CONNECTION),
        log: Log::to_stderr(Verbosity::Normal, Format::Classic),
        is_readable: false,
        line_error: RateLimitedError::default(),
    };
    loop {
        match poll.poll(&mut events, state.timeout()) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other.map_err(|error| refused(&error))?,
        }
        let now = Instant::now();
        for event in &events {
            match event.token() {
                INPUT => state.is_readable = true,
                OUTPUT => {}
                connection => state.pool.ready(connection, now),
            }
        }
        if !state.receive(now) {
            return Ok(());
        }
        state.ask(now);
        state.print_notices();
        if !state.send() {
            return Ok(());
        }
    }
}

impl EventLoop {
    fn timeout(&mut self) -> Option<Duration> {
        if self.can_receive() {
            return Some(Duration::ZERO);
        }
        let deadline = self.pool.deadline()?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Returns true if there may be bytes to read, and room for what comes of
    /// them.
    fn can_receive(&mut self) -> bool {
        let has_room =
            self.filter.output().len() < MAX_OUTPUT && self.filter.pending() < MAX_PENDING;
        self.is_readable && has_room
    }

    /// Handles what smtpd has sent. Returns false if it has closed its end.
    fn receive(&mut self, now: Instant) -> bool {
        if !self.can_receive() {
            return true;
        }
        let mut piece = [0; READ_SIZE];
        match smtpd::receive(&mut piece) {
            Ok(Some(0)) | Err(_) => return false,
            Ok(Some(length)) => self.lines.feed(&piece[..length]),
            Ok(None) => self.is_readable = false,
        }
        while let Some(line) = self.lines.next_line() {
            let result = match line {
                InputLine::Whole(line) => self.filter.line(&line, now),
                InputLine::TooLong => {
                    Err(Complaint::Malformed(b"a line of more than 1 MiB".to_vec()))
                }
            };
            if let Err(complaint) = result {
                if self.line_error.is_due(now) {
                    self.log.line(Severity::Warning, complaint.to_string());
                }
            }
        }
        true
    }

    /// Passes questions to the daemon and its answers to the sessions, until both
    /// are done.
    fn ask(&mut self, now: Instant) {
        loop {
            while let Some(question) = self.filter.next_question() {
                self.pool.ask(question);
            }
            self.pool.advance(now);
            let answers = self.pool.take_answers();
            if answers.is_empty() {
                return;
            }
            for (request_id, result) in answers {
                self.filter.answer(request_id, result);
            }
        }
    }

    fn print_notices(&mut self) {
        for notice in self.pool.take_notices() {
            self.log.line(Severity::Warning, notice);
        }
        self.log.flush();
    }

    /// Sends results. Returns false if smtpd has closed its end.
    fn send(&mut self) -> bool {
        let output = self.filter.output();
        let sent = smtpd::send(output);
        if output.is_empty() {
            output.shrink_to(READ_SIZE);
        }
        sent.is_ok()
    }
}

fn refused(error: &io::Error) -> Failure {
    let why = errno(error);
    Failure::system(format!("cannot watch for events: {}", why.desc()), why)
}
