//! Mail servers that expect the PROXY protocol, each in the network of its test.

use crate::chroot::{Chroot, Server, made};
use crate::postfix::instance::Postfix;
use crate::{exim, opensmtpd};
use postgrey::session::smtp::{ProxyVersion, proxy_header};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use testkit::{root_for, wait_until};

/// The addresses of servers in a chroot.
const ADDRESS: &str = "127.0.0.1:2525";

/// The mail server behind a proxy.
pub trait MailServer {
    /// Its address.
    fn address(&self) -> String;
    /// The delivered messages with this text.
    fn inbox_with(&self, text: &str) -> Vec<String>;
}

/// One of the servers.
pub struct Kind {
    pub name: &'static str,
    /// The versions of the PROXY protocol that it understands.
    pub versions: &'static [&'static str],
    /// How a message shows where it came from.
    pub received: &'static str,
    /// Starts it, or reports that it is not installed.
    pub start: fn() -> Option<Box<dyn MailServer>>,
}

const BY_NAME: &str = "Received: from client.test (unknown [198.51.100.10])";
const IN_ANGLES: &str = "Received: from client.test (<unknown> [198.51.100.10])";
const BY_ADDRESS: &str = "Received: from [198.51.100.10] (helo=client.test)";

pub const KINDS: [Kind; 3] = [
    Kind { name: "Postfix", versions: &["1", "2"], received: BY_NAME, start: postfix },
    Kind { name: "Exim", versions: &["1", "2"], received: BY_ADDRESS, start: exim },
    Kind { name: "OpenSMTPD", versions: &["2"], received: IN_ANGLES, start: opensmtpd },
];

impl MailServer for Postfix {
    fn address(&self) -> String {
        Postfix::address(self)
    }

    fn inbox_with(&self, text: &str) -> Vec<String> {
        Postfix::inbox_with(self, text)
    }
}

fn postfix() -> Option<Box<dyn MailServer>> {
    root_for("Postfix").then(|| Box::new(Postfix::start_with_proxy()) as Box<dyn MailServer>)
}

/// A server in a chroot.
struct InChroot {
    chroot: Chroot,
    _server: Server,
}

impl MailServer for InChroot {
    fn address(&self) -> String {
        ADDRESS.to_owned()
    }

    fn inbox_with(&self, text: &str) -> Vec<String> {
        let messages = self.chroot.maildir();
        messages.into_iter().filter(|message| message.contains(text)).collect()
    }
}

/// Returns true if the server greets a client that a proxy speaks for.
fn is_ready() -> bool {
    let Ok(mut stream) = TcpStream::connect(ADDRESS) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    let address = ([127, 0, 0, 1], 25).into();
    let head = proxy_header(ProxyVersion::Two, address, address);
    let mut code = [0; 3];
    stream.write_all(&head).and_then(|()| stream.read_exact(&mut code)).is_ok() && code == *b"220"
}

fn start(chroot: Chroot, script: &str, command: &str) -> Box<dyn MailServer> {
    let server = Server::start(&chroot, script, command);
    wait_until("a mail server behind the proxy", is_ready);
    Box::new(InChroot { chroot, _server: server })
}

fn exim() -> Option<Box<dyn MailServer>> {
    let lines = "local_interfaces = 127.0.0.1\nhosts_proxy = 127.0.0.1\n";
    let chroot = exim::configure(&made("exim")?, lines, "");
    let script = exim::own_configuration(&chroot);
    Some(start(chroot, &script, exim::COMMAND))
}

fn opensmtpd() -> Option<Box<dyn MailServer>> {
    let root = opensmtpd::chroots().into_iter().find(|root| root.ends_with(opensmtpd::WITH_TLS))?;
    let chroot = opensmtpd::instance::home(&root);
    chroot.write("smtpd.conf", include_str!("smtpd.conf"));
    let command = "smtpd -d -f HOME/smtpd.conf";
    Some(start(chroot, opensmtpd::instance::OWN_FILES, command))
}
