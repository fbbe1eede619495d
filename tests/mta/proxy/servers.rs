//! Mail servers that expect the PROXY protocol, each in the network of its test.

use crate::chroot::{Chroot, Server};
use crate::opensmtpd;
use crate::postfix::instance::Postfix;
use std::net::TcpStream;
use std::path::PathBuf;
use testkit::{root_for, skip, wait_for};

/// Names the directory of a chroot with Exim.
const EXIM: &str = "POSTGREY_EXIM_CHROOT";

/// Where servers in a chroot listen.
const ADDRESS: &str = "127.0.0.1:2525";

/// The mail server behind a proxy.
pub trait MailServer {
    /// Where it listens.
    fn address(&self) -> String;
    /// The delivered messages with this text.
    fn inbox_with(&self, text: &str) -> Vec<String>;
}

/// One of the servers.
pub struct Kind {
    pub name: &'static str,
    /// The versions of the PROXY protocol that it understands.
    pub versions: &'static [&'static str],
    /// Starts it, or reports that it is not installed.
    pub start: fn() -> Option<Box<dyn MailServer>>,
}

pub const KINDS: [Kind; 3] = [
    Kind { name: "Postfix", versions: &["1", "2"], start: postfix },
    Kind { name: "Exim", versions: &["1", "2"], start: exim },
    Kind { name: "OpenSMTPD", versions: &["2"], start: opensmtpd },
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
    root_for("Postfix").then(|| Box::new(Postfix::start_behind_proxy()) as Box<dyn MailServer>)
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

fn start(chroot: Chroot, script: &str, command: &str) -> Box<dyn MailServer> {
    let server = Server::start(&chroot, script, command);
    wait_for("a mail server behind the proxy", || TcpStream::connect(ADDRESS).ok());
    Box::new(InChroot { chroot, _server: server })
}

fn exim() -> Option<Box<dyn MailServer>> {
    let Some(root) = std::env::var_os(EXIM).map(PathBuf::from) else {
        skip(&format!("Exim behind the proxy: {EXIM} is not set, run compat/exim"));
        return None;
    };
    let chroot = Chroot::new(&root, &["mail", "log", "spool"]);
    chroot.copy_certificate();
    chroot.write("exim4.conf", include_str!("exim4.conf"));
    chroot.run(&["chown", "-R", "Debian-exim:", chroot.home()]);
    // Exim runs as root with the configuration at its usual place only.
    let script = format!(
        "mount -t tmpfs -o mode=755 tmpfs ROOT/etc/exim4 && cp {} ROOT/etc/exim4",
        chroot.path("exim4.conf").display()
    );
    Some(start(chroot, &script, "exim4 -bdf -oP HOME/exim.pid"))
}

fn opensmtpd() -> Option<Box<dyn MailServer>> {
    let root = opensmtpd::chroots().into_iter().find(|root| root.ends_with(opensmtpd::WITH_TLS))?;
    let chroot = opensmtpd::instance::home(&root);
    chroot.write("smtpd.conf", include_str!("smtpd.conf"));
    let command = "smtpd -d -f HOME/smtpd.conf";
    Some(start(chroot, opensmtpd::instance::OWN_FILES, command))
}
