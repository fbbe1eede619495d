//! A server in the background, which logs to `/dev/log`, and a `/dev` that only
//! it sees.

use crate::life::background::{Background, start};
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;
use testkit::namespace::Namespace;
use testkit::private_dev::{listen_to_log, private_dev};
use testkit::{Builder, Client, Daemon, Program};

/// A server that has not been started, and its `/dev`.
pub struct Site {
    namespace: Namespace,
    builder: Builder,
}

/// A server, and the `/dev` that only it sees.
pub struct Server {
    pub background: Background,
    namespace: Namespace,
}

/// A listener at `/dev/log`, until it is dropped.
pub struct Logger {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Site {
    /// `None` where the system does not allow it, see [`Namespace::new`].
    pub fn new() -> Option<Site> {
        let builder = Daemon::builder(Program::under_test());
        let namespace = private_dev(&builder.scratch().subdirectory("dev"))?;
        Some(Site { namespace, builder })
    }

    pub fn logger(&self) -> Logger {
        Logger::new(&self.namespace)
    }

    pub fn start(self) -> Server {
        let Site { namespace, builder } = self;
        let background = start(builder.within(namespace.words())).expect("a server that starts");
        Server { background, namespace }
    }
}

impl Server {
    pub fn client(&self) -> Client {
        self.background.client()
    }

    pub fn logger(&self) -> Logger {
        Logger::new(&self.namespace)
    }
}

impl Logger {
    fn new(namespace: &Namespace) -> Logger {
        let (socket, path) = listen_to_log(namespace, Duration::from_secs(20));
        Logger { socket, path }
    }

    /// The next datagram, byte for byte.
    pub fn datagram(&self) -> Vec<u8> {
        let mut datagram = vec![0; 16 * 1024];
        let length = self.socket.recv(&mut datagram).expect("a line within 20 seconds");
        datagram.truncate(length);
        datagram
    }

    /// Messages without time and name, until one of which this is a part.
    pub fn messages_until(&self, part: &str) -> Vec<String> {
        let mut messages = Vec::new();
        loop {
            let datagram = String::from_utf8(self.datagram()).expect("UTF-8");
            let (_, message) = datagram.split_once("]: ").expect("a header");
            messages.push(message.trim_end().to_string());
            if message.contains(part) {
                return messages;
            }
        }
    }
}

impl Drop for Logger {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
