//! An SMTP client that plays other clients by XCLIENT.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long a test waits for a reply before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

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

pub struct Smtp {
    stream: BufReader<TcpStream>,
    greeting: String,
}

impl Smtp {
    pub fn greet(stream: TcpStream) -> Smtp {
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut smtp = Smtp { stream: BufReader::new(stream), greeting: String::new() };
        smtp.greeting = smtp.reply();
        assert!(smtp.greeting.starts_with("220 "), "{}", smtp.greeting);
        smtp
    }

    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// Becomes the envelope's client, and goes as far as the recipients. Gives
    /// the reply to each.
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
        let line = format!("{command}\r\n");
        let server = self.stream.get_mut();
        server.write_all(line.as_bytes()).expect("a server");
        self.reply()
    }

    fn reply(&mut self) -> String {
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
