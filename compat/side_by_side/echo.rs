//! The least that a server has to do: an answer to each request of the same
//! framing, one thread, one poll loop, nothing decided.

use mio::net::{UnixListener, UnixStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

const LISTENER: Token = Token(usize::MAX);

pub fn serve(path: &Path) -> std::io::Result<()> {
    let mut listener = UnixListener::bind(path)?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut connections: Slab<(UnixStream, Vec<u8>)> = Slab::new();
    let mut events = Events::with_capacity(1024);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    let entry = connections.vacant_entry();
                    let token = Token(entry.key());
                    poll.registry().register(&mut stream, token, Interest::READABLE)?;
                    entry.insert((stream, Vec::new()));
                }
            } else {
                let (stream, input) = &mut connections[event.token().0];
                if !answer(stream, input)? {
                    connections.remove(event.token().0);
                }
            }
        }
    }
}

/// Reads once and answers a whole request. Gives whether the client stays.
fn answer(stream: &mut UnixStream, input: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer) {
        Ok(0) => return Ok(false),
        Ok(length) => input.extend_from_slice(&buffer[..length]),
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
        Err(error) => return Err(error),
    }
    if input.ends_with(b"\n\n") {
        input.clear();
        stream.write_all(b"action=DUNNO\n\n")?;
    }
    Ok(true)
}
