//! Standard input and output, whose other end is smtpd.

use crate::daemon::nonblocking::{unless_blocked, write_out};
use crate::daemon::{Failure, errno};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{read, write};
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Makes standard input and output non-blocking and registers them. smtpd gives
/// the filter a separate socket, so that no other process is affected.
pub(super) fn watch(registry: &Registry, input: Token, output: Token) -> Result<(), Failure> {
    watch_one(registry, &io::stdin(), input, Interest::READABLE, "input")?;
    watch_one(registry, &io::stdout(), output, Interest::WRITABLE, "output")
}

fn watch_one(
    registry: &Registry,
    stream: &(impl AsFd + AsRawFd),
    token: Token,
    interest: Interest,
    name: &str,
) -> Result<(), Failure> {
    let flags = fcntl(stream, FcntlArg::F_GETFL).map(OFlag::from_bits_retain);
    let set = |flags| fcntl(stream, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK));
    let result = flags.and_then(set).map_err(io::Error::from);
    let result =
        result.and_then(|_| registry.register(&mut SourceFd(&stream.as_raw_fd()), token, interest));
    result.map_err(|error| {
        let why = errno(&error);
        Failure::system(format!("cannot use standard {name}: {}", why.desc()), why)
            .advise("the command is started by OpenSMTPD, see smtpd.conf(5), proc-exec")
    })
}

/// Reads from smtpd; 0 bytes if it has closed its end, `None` if there are none yet.
pub(super) fn receive(piece: &mut [u8]) -> io::Result<Option<usize>> {
    unless_blocked(|| Ok(read(io::stdin(), piece)?))
}

/// Sends as much as smtpd accepts now. Returns true if nothing is left.
pub(super) fn send(output: &mut Vec<u8>) -> io::Result<bool> {
    write_out(output, |bytes| Ok(write(io::stdout(), bytes)?))
}
