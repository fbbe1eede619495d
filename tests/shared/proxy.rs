//! A way to a server on which a test breaks the replies.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

/// What the proxy does with the replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They arrive.
    Forward,
    /// Something else arrives.
    Garbage,
    /// One byte after the other arrives, and never a whole reply. Each comes sooner
    /// than a time limit for one read would end.
    Drip,
    /// Nothing arrives.
    Silence,
    /// All connections are closed.
    End,
}

const MODES: [Mode; 5] = [Mode::Forward, Mode::Garbage, Mode::Drip, Mode::Silence, Mode::End];

/// How long a read or a pause lasts at most: then the mode counts.
const STEP: Duration = Duration::from_millis(20);

/// The proxy. Its threads end with it.
pub struct Proxy {
    pub port: u16,
    mode: Arc<AtomicU8>,
}

impl Proxy {
    /// Forwards connections to a port.
    pub fn to(server: u16) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        let port = listener.local_addr().expect("a port").port();
        let mode = Arc::new(AtomicU8::new(0));
        let of_thread = Arc::clone(&mode);
        thread::spawn(move || accept(&listener, server, &of_thread));
        Proxy { port, mode }
    }

    pub fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(Mode::End);
    }
}

fn mode(of: &AtomicU8) -> Mode {
    MODES[usize::from(of.load(Ordering::SeqCst))]
}

fn accept(listener: &TcpListener, server: u16, current: &Arc<AtomicU8>) {
    while mode(current) != Mode::End {
        let Ok((client, _)) = listener.accept() else {
            thread::sleep(STEP);
            continue;
        };
        client.set_nonblocking(false).expect("a stream");
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else {
            continue;
        };
        let copy = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
        let (from, to, of_copy) = (copy(&client), copy(&server), Arc::clone(current));
        thread::spawn(move || forward(from, to, &of_copy, false));
        let of_copy = Arc::clone(current);
        thread::spawn(move || forward(server, client, &of_copy, true));
    }
}

/// Copies bytes until one end is closed, or the connection has been broken.
fn forward(mut from: TcpStream, mut to: TcpStream, current: &AtomicU8, is_reply: bool) {
    from.set_read_timeout(Some(STEP)).expect("a stream");
    let mut buffer = [0; 4096];
    let mut is_broken = false;
    loop {
        let now = mode(current);
        let length = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(_) => break,
        };
        let sent = match now {
            Mode::End => break,
            Mode::Forward if is_broken => break,
            Mode::Forward => to.write_all(&buffer[..length]),
            _ if !is_reply => to.write_all(&buffer[..length]),
            Mode::Garbage if length > 0 => to.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            Mode::Drip => to.write_all(if is_broken { b"1" } else { b":" }),
            Mode::Garbage | Mode::Silence => Ok(()),
        };
        is_broken |= is_reply && now != Mode::Forward && (length > 0 || now == Mode::Drip);
        if sent.is_err() {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }
}
