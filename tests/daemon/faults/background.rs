//! A server in the background, which logs to `/dev/log`, and a `/dev` that only
//! it sees.

use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;
use testkit::namespace::Namespace;
use testkit::private_dev::{listen_to_log, private_dev};
use testkit::{Builder, Client, Daemon, Listener, Program, Scratch, wait_for};

/// Where a server will live that logs to a logger of the test's.
pub struct Site {
    namespace: Namespace,
    builder: Builder,
}

pub struct Background {
    pub pid: Pid,
    pub listener: Listener,
    namespace: Namespace,
    _scratch: Scratch,
}

/// What listens at `/dev/log`, until it is dropped.
pub struct Logger {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Site {
    /// None where the system does not allow it, see [`Namespace::new`].
    pub fn new() -> Option<Site> {
        let builder = Daemon::builder(Program::under_test());
        let namespace = private_dev(&builder.scratch().subdirectory("dev"))?;
        Some(Site { namespace, builder })
    }

    pub fn logger(&self) -> Logger {
        Logger::new(&self.namespace)
    }

    pub fn start(self) -> Background {
        // The server becomes a child of this process when its parent is gone.
        set_child_subreaper(true).expect("Linux");
        let Site { namespace, builder } = self;
        let pid_file = builder.scratch().path().join("pid");
        let listener = Listener::Unix(builder.scratch().path().join("socket"));
        let builder = builder.arg("-d").arg(format!("--pidfile={}", pid_file.display()));
        let parent = builder.within(namespace.words()).start_in_vain();
        assert!(parent.status.success(), "{:?}", parent.log);
        // The original's parent ends before there is a server.
        wait_for("a server", || listener.connect().ok());
        let pid =
            wait_for("a pid file", || fs::read_to_string(&pid_file).ok()?.trim().parse().ok());
        let pid = Pid::from_raw(pid);
        Background { pid, listener, namespace, _scratch: parent.scratch }
    }
}

impl Background {
    pub fn client(&self) -> Client {
        self.listener.connect().expect("a server that listens")
    }

    pub fn logger(&self) -> Logger {
        Logger::new(&self.namespace)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if kill(self.pid, Signal::SIGKILL).is_ok() {
            let _ = waitpid(self.pid, None);
        }
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
