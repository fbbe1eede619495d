//! A service manager like systemd, which receives a server's notifications
//! (sd_notify(3)).

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;
use testkit::Builder;

/// The time limit of a wait for word of a server.
const TIMEOUT: Duration = Duration::from_secs(30);

pub struct Manager {
    socket: UnixDatagram,
}

impl Manager {
    pub fn of(builder: Builder) -> (Manager, Builder) {
        let path = builder.scratch().path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(TIMEOUT)).expect("a time limit");
        fs::set_permissions(&path, Permissions::from_mode(0o666)).expect("chmod");
        let path = path.to_str().expect("UTF-8").to_string();
        (Manager { socket }, builder.env("NOTIFY_SOCKET", &path))
    }

    /// The names of what it says next, such as `READY`.
    pub fn next(&self) -> Vec<String> {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).expect("word of the server");
        names(&bytes[..length])
    }

    /// The names of what it has said already, if it has.
    pub fn peek(&self) -> Option<Vec<String>> {
        self.socket.set_nonblocking(true).expect("a socket");
        let mut bytes = [0; 4096];
        let result = self.socket.recv(&mut bytes);
        self.socket.set_nonblocking(false).expect("a socket");
        result.ok().map(|length| names(&bytes[..length]))
    }
}

fn names(message: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(message).expect("UTF-8");
    let name = |line: &str| line.split_once('=').expect("an assignment").0.to_string();
    text.lines().map(name).collect()
}
