//! A client of `--metrics`.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Sends a request, and returns the response up to the end of the connection.
pub fn exchange(mut stream: impl Read + Write, request: &str) -> String {
    stream.write_all(request.as_bytes()).expect("a daemon that reads");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("a response to its end");
    response
}

/// Gets a page from a socket file.
pub fn get(socket: &Path, page: &str) -> String {
    let stream = UnixStream::connect(socket).expect("the socket of --metrics");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    exchange(stream, &format!("GET {page} HTTP/1.0\r\n\r\n"))
}
