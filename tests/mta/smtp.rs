//! An SMTP client, which may use TLS and play other clients by XCLIENT.

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;
use testkit::pem;

/// The time limit of a wait for a reply before it fails.
const TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
pub struct Envelope {
    xclient: String,
    sender: String,
    /// The recipients, in order.
    pub recipients: Vec<String>,
}

impl Envelope {
    /// Mail from alice@sender.test to bob@example.org, by the client with this
    /// address, of which no name is known.
    pub fn from_client(address: &str) -> Envelope {
        let family = if address.contains(':') { "IPV6:" } else { "" };
        Envelope {
            xclient: format!("ADDR={family}{address}"),
            sender: "alice@sender.test".to_string(),
            recipients: vec!["bob@example.org".to_string()],
        }
    }

    pub fn named(self, name: &str) -> Envelope {
        self.with_xclient(&format!("NAME={name}"))
    }

    pub fn logged_in(self, user: &str) -> Envelope {
        self.with_xclient(&format!("LOGIN={user}"))
    }

    /// Another sender; empty for the null sender.
    pub fn sender(mut self, sender: &str) -> Envelope {
        self.sender = sender.to_string();
        self
    }

    pub fn recipients(mut self, recipients: &[&str]) -> Envelope {
        self.recipients = recipients.iter().map(ToString::to_string).collect();
        self
    }

    fn with_xclient(mut self, attribute: &str) -> Envelope {
        self.xclient += &format!(" {attribute}");
        self
    }
}

/// The `X-Greylist` headers of a message.
pub fn greylist_headers(message: &str) -> Vec<&str> {
    let head = message.trim_start().lines().take_while(|line| !line.is_empty());
    head.filter(|line| line.to_ascii_lowercase().starts_with("x-greylist:")).collect()
}

/// A socket, or TLS on one.
trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

pub struct Smtp {
    stream: BufReader<Box<dyn Stream>>,
    socket: TcpStream,
    greeting: String,
}

impl Smtp {
    pub fn greet(socket: TcpStream) -> Smtp {
        socket.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        let stream: Box<dyn Stream> = Box::new(socket.try_clone().expect("a second handle"));
        let mut smtp = Smtp { stream: BufReader::new(stream), socket, greeting: String::new() };
        smtp.greeting = smtp.reply();
        assert!(smtp.greeting.starts_with("220 "), "{}", smtp.greeting);
        smtp
    }

    /// Starts TLS with a server that is `mx.test`.
    pub fn start_tls(&mut self) {
        self.expect("220", "STARTTLS");
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(pem("ca.pem")).expect("a certificate");
        roots.add(authority).expect("a certificate");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("mx.test").expect("a name");
        let tls = ClientConnection::new(Arc::new(config), name).expect("TLS");
        let socket = self.socket.try_clone().expect("a second handle");
        self.stream = BufReader::new(Box::new(StreamOwned::new(tls, socket)));
    }

    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// Becomes the envelope's client, and sends the recipients. Returns the reply to
    /// each.
    pub fn offer(&mut self, envelope: &Envelope) -> Vec<String> {
        self.expect("250", "EHLO tester.test");
        self.expect("220", &format!("XCLIENT {}", envelope.xclient));
        self.expect("250", "EHLO mail.sender.test");
        self.expect("250", &format!("MAIL FROM:<{}>", envelope.sender));
        let recipients = envelope.recipients.iter();
        recipients.map(|recipient| self.say(&format!("RCPT TO:<{recipient}>"))).collect()
    }

    /// Sends the message after an offer: the header, and a body of one line.
    pub fn send(&mut self, header: &str) {
        self.expect("354", "DATA");
        let header = header.replace('\n', "\r\n");
        self.expect("250", &format!("{header}\r\nHello.\r\n."));
    }

    pub fn quit(mut self) {
        self.expect("221", "QUIT");
    }

    /// Sends a command whose reply must begin with a code.
    pub fn expect(&mut self, code: &str, command: &str) {
        let reply = self.say(command);
        assert!(reply.starts_with(code), "{command:?} is answered {reply:?}");
    }

    /// Sends a command and returns the last line of the reply.
    pub fn say(&mut self, command: &str) -> String {
        self.send_bytes(format!("{command}\r\n").as_bytes());
        self.reply()
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let server = self.stream.get_mut();
        server.write_all(bytes).expect("a server");
        server.flush().expect("a server");
    }

    pub fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("a reply");
            assert!(line.len() > 3, "the server hung up, its last word: {line:?}");
            if line.as_bytes()[3] != b'-' {
                return line.trim_end().to_string();
            }
        }
    }
}
