//! Hostile input.

use crate::milter::{DEFERRED, Site};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

#[test]
fn malformed_input_ends_only_its_connection() {
    let site = Site::start(&[]);
    let mut witness = site.connect_about("mx.a.test", "192.0.2.1");
    for nonsense in [
        b"GET / HTTP/1.0\r\n\r\n".as_slice(),
        b"\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"\0\0\0\x01E",
        b"\0\0\0\x05Oxxxx",
        b"\0\0\0\rO\0\0\0\x01\0\0\0\0\0\0\0\0",
    ] {
        let mut stream = UnixStream::connect(&site.socket).expect("a milter");
        stream.write_all(nonsense).expect("a milter that reads");
        let mut rest = Vec::new();
        // The milter hangs up; bytes that it did not read may make that a reset.
        let _ = stream.read_to_end(&mut rest);
        assert_eq!(rest, b"", "{}", nonsense.escape_ascii());
    }
    assert_eq!(witness.mail("alice@a.test", "bob@example.org").0, DEFERRED);
    let log = site.daemon.stop().log;
    let logged = log.iter().filter(|line| line.contains("closing a milter connection"));
    assert_eq!(logged.count(), 6, "{log:#?}");
}
