//! The sockets of the milter, next to those of the policy server.

use crate::milter::{DEFERRED, Site};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use testkit::free_port;
use testkit::milter::{MailServer, OFFER};

#[test]
fn the_milter_socket_has_its_own_mode_and_is_removed() {
    let site = Site::start(&["--socketmode=0666"]);
    let mode = |path: &Path| path.metadata().expect("a socket").permissions().mode() & 0o7777;
    assert_eq!(mode(&site.socket), 0o660);
    assert_eq!(mode(site.daemon.socket()), 0o666);
    let socket = site.socket.clone();
    site.daemon.stop();
    assert!(!socket.exists());
}

#[test]
fn the_milter_may_listen_on_a_port() {
    let port = free_port();
    let site = Site::start(&[&format!("--milter=127.0.0.1:{port}")]);
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("a milter that listens");
    let mut server = MailServer::speak(stream, OFFER);
    server.client("mx.a.test", "192.0.2.1");
    assert_eq!(server.mail("alice@a.test", "bob@example.org").0, DEFERRED);
    // The last one counts.
    assert!(!site.socket.exists());
}

#[test]
fn exims_option_does_not_touch_the_milter() {
    let site = Site::start(&["--exim"]);
    let mut server = site.connect_about("mx.a.test", "192.0.2.1");
    for _ in 0..2 {
        assert_eq!(server.mail("alice@a.test", "bob@example.org").0, DEFERRED);
    }
}
