//! A test instance of OpenSMTPD: configuration and mail in a directory of the
//! chroot, queue and control socket on separate file systems, and an isolated
//! network.

use crate::chroot::{Chroot, Server};
use std::fs::{self, Permissions};
use std::ops::Deref;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use testkit::{Program, wait_for};

const CONFIGURATION: &str = include_str!("smtpd.conf");

/// Addresses of clients, besides those of the machine.
const ADDRESSES: [&str; 4] =
    ["198.51.100.7/32", "198.51.100.8/32", "203.0.113.7/32", "2001:db8::7/128"];

/// Queue and sockets of one smtpd, which would otherwise be those of all.
pub const OWN_FILES: &str = "mount -t tmpfs tmpfs ROOT/run && mount -t tmpfs tmpfs ROOT/var/spool";

/// The user to whom Debian gives mailboxes, number 8 on every machine.
const MAIL_USER: u32 = 8;

const PASSWORD: &str = "secret";

pub struct Smtpd {
    chroot: Chroot,
}

pub struct Running {
    chroot: Chroot,
    server: Server,
}

/// A directory in the chroot, with a mailbox and a certificate.
pub fn home(root: &Path) -> Chroot {
    let chroot = Chroot::new(root, &["mail", "run"]);
    chown(chroot.path("mail"), Some(MAIL_USER), Some(MAIL_USER)).expect("chown");
    chroot.copy_certificate();
    chroot
}

impl Smtpd {
    /// Writes its configuration. The filter is started with these arguments; a
    /// name without a slash is looked up where smtpd looks for filters.
    pub fn prepare(root: &Path, program: &str, options: &str) -> Smtpd {
        let smtpd = Smtpd { chroot: home(root) };
        smtpd.install();
        let command = format!("{program} --unix=HOME/run/socket {options}");
        let login = smtpd.chroot.run(&["openssl", "passwd", "-6", PASSWORD]);
        let text = CONFIGURATION.replace("COMMAND", command.trim()).replace("LOGIN", login.trim());
        let path = smtpd.chroot.write("smtpd.conf", &text);
        fs::set_permissions(path, Permissions::from_mode(0o644)).expect("chmod");
        smtpd
    }

    /// Puts our program where smtpd starts it, under both of its names.
    fn install(&self) {
        fs::copy(Program::Ours.path(), self.chroot.path("postgrey")).expect("our binary");
        let filters = self.chroot.root().join("usr/libexec/opensmtpd");
        let copy = filters.join(".filter-postgrey");
        fs::copy(Program::Ours.path(), &copy).expect("our binary");
        fs::rename(copy, filters.join("filter-postgrey")).expect("a file's name");
    }

    pub fn socket(&self) -> PathBuf {
        self.chroot.path("run/socket")
    }

    /// Starts it, and waits until it listens.
    pub fn start(self) -> Running {
        let command = "smtpd -d -v -f HOME/smtpd.conf";
        let server = Server::start_alone(&self.chroot, &ADDRESSES, OWN_FILES, command);
        server.wait_for_greeting();
        Running { chroot: self.chroot, server }
    }
}

impl Deref for Running {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Running {
    pub fn offer_as_user(&self, client: &str, sender: &str, recipient: &str) -> String {
        let (from, to) = (format!("--from={sender}"), format!("--to={recipient}"));
        let password = format!("--auth-password={PASSWORD}");
        let login = ["--tls", "--auth=PLAIN", "--auth-user=joe", &password];
        self.swaks(client, &[&login[..], &[&from, &to, "--quit-after=RCPT"]].concat())
    }

    /// Sends a message, whose body ends with a line feed, and returns it as it
    /// was delivered.
    pub fn deliver(&self, client: &str, sender: &str, body: &str) -> String {
        let subject = self.hand_in(client, sender, "bob@example.org", body);
        wait_for("the delivery", || {
            self.mailbox().into_iter().find(|message| message.contains(&subject))
        })
    }

    pub fn mailbox(&self) -> Vec<String> {
        self.chroot.maildir()
    }

    /// Runs a command inside, as a program of the machine.
    pub fn run(&self, command: &str) -> String {
        let root = self.chroot.root().to_str().expect("UTF-8");
        self.run_in_network(&["chroot", root, "sh", "-c", command])
    }

    pub fn processes(&self) -> Vec<(String, u32)> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").expect("/proc").flatten() {
            let process = entry.path();
            let is_ours = fs::read_link(process.join("root"))
                .is_ok_and(|root| root == self.chroot.root())
                && fs::read_link(process.join("ns/net")).ok() == self.network();
            let Ok(name) = fs::read_to_string(process.join("cmdline")) else { continue };
            if let (true, Ok(id)) = (is_ours, entry.file_name().to_string_lossy().parse()) {
                found.push((name.replace('\0', " ").trim().to_string(), id));
            }
        }
        found
    }

    fn network(&self) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/ns/net", self.first_process())).ok()
    }
}
