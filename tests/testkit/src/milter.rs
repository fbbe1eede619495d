//! The mail server's side of the milter protocol, as Sendmail and Postfix are
//! one.

use socket2::Socket;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The time limit of a wait for a reply before it fails.
const TIMEOUT: Duration = Duration::from_secs(20);

pub const OFFER: [u32; 3] = [6, 0x1ff, 0x1f_ffff];

pub type Packet = (u8, Vec<u8>);

pub struct MailServer {
    stream: Socket,
    /// True if clients and senders are sent without an answer.
    is_quiet: bool,
}

impl MailServer {
    pub fn connect(path: &Path) -> MailServer {
        MailServer::connect_with(path, OFFER)
    }

    pub fn connect_with(path: &Path, offer: [u32; 3]) -> MailServer {
        MailServer::speak(UnixStream::connect(path).expect("a milter that listens"), offer)
    }

    pub fn speak(stream: impl Into<Socket>, offer: [u32; 3]) -> MailServer {
        let stream = stream.into();
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        let mut server = MailServer { stream, is_quiet: false };
        server.send(b'O', &offer.map(u32::to_be_bytes).concat());
        let (command, terms) = server.receive().expect("terms");
        assert_eq!((command, terms.len()), (b'O', 12));
        let steps = u32::from_be_bytes(terms[8..].try_into().expect("four bytes"));
        server.is_quiet = steps & 0x5000 == 0x5000;
        server
    }

    pub fn send(&mut self, command: u8, data: &[u8]) {
        let length = u32::try_from(data.len() + 1).expect("a packet");
        self.send_bytes(&[&length.to_be_bytes(), [command].as_slice(), data].concat());
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("a milter that reads");
    }

    /// The next packet; none at the end of the connection.
    pub fn receive(&mut self) -> Option<Packet> {
        let mut head = [0; 4];
        if let Err(error) = self.stream.read_exact(&mut head) {
            let is_end = matches!(
                error.kind(),
                std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset
            );
            assert!(is_end, "{error}");
            return None;
        }
        let length = usize::try_from(u32::from_be_bytes(head)).expect("a length");
        let mut packet = vec![0; length];
        self.stream.read_exact(&mut packet).expect("a whole packet");
        Some((packet[0], packet.split_off(1)))
    }

    pub fn client(&mut self, name: &str, address: &str) {
        let family = if address.contains(':') { b'6' } else { b'4' };
        let data = [name.as_bytes(), &[0, family, 0x1f, 0x90], address.as_bytes(), b"\0"].concat();
        self.send(b'C', &data);
        self.expect_silence_or_consent();
    }

    /// Sends macros for the next command: names and values in turns.
    pub fn macros(&mut self, command: u8, macros: &[&str]) {
        let strings = macros.iter().flat_map(|text| [text.as_bytes(), b"\0"].concat());
        self.send(b'D', &[command].into_iter().chain(strings).collect::<Vec<u8>>());
    }

    pub fn sender(&mut self, address: &str) {
        self.send(b'M', format!("<{address}>\0SIZE=10\0").as_bytes());
        self.expect_silence_or_consent();
    }

    fn expect_silence_or_consent(&mut self) {
        if !self.is_quiet {
            assert_eq!(self.receive(), Some((b'c', Vec::new())));
        }
    }

    /// Sends a recipient. Returns the reply for the client, empty if it is accepted.
    pub fn recipient(&mut self, address: &str) -> String {
        self.send(b'R', format!("<{address}>\0").as_bytes());
        match self.receive().expect("an answer to the recipient") {
            (b'c', _) => String::new(),
            (b'y', text) => {
                let text = text.strip_suffix(b"\0").expect("a NUL at the end");
                String::from_utf8(text.to_vec()).expect("plain text")
            }
            other => panic!("{other:?}"),
        }
    }

    /// Ends the message. Returns the headers to add.
    pub fn end_of_message(&mut self) -> Vec<String> {
        self.send(b'E', b"");
        let mut headers = Vec::new();
        loop {
            match self.receive().expect("an answer to the message") {
                (b'c', _) => return headers,
                (b'i', data) => {
                    let strings: Vec<_> = data[4..].split(|byte| *byte == 0).collect();
                    let [name, value, b""] = strings[..] else {
                        panic!("{}", data.escape_ascii());
                    };
                    let text = [name, b": ", value].concat();
                    headers.push(String::from_utf8(text).expect("plain text"));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// One message to one recipient: the reply, and if that is none the headers.
    pub fn mail(&mut self, sender: &str, recipient: &str) -> (String, Vec<String>) {
        self.sender(sender);
        let reply = self.recipient(recipient);
        if reply.is_empty() {
            return (reply, self.end_of_message());
        }
        self.send(b'A', b"");
        (reply, Vec::new())
    }
}
