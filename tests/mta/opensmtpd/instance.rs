//! A test instance of OpenSMTPD: configuration and mail in a directory of the
//! chroot, queue and control socket on separate file systems, and an isolated
//! network.

use crate::chroot::{Chroot, Running, Server};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use testkit::Program;

const CONFIGURATION: &str = include_str!("smtpd.conf");

/// Addresses of clients, besides those of the machine.
const ADDRESSES: [&str; 4] =
    ["198.51.100.7/32", "198.51.100.8/32", "203.0.113.7/32", "2001:db8::7/128"];

/// Queue and sockets of one smtpd, which would otherwise be those of all.
pub const OWN_FILES: &str = "mount -t tmpfs tmpfs ROOT/run && mount -t tmpfs tmpfs ROOT/var/spool";

/// The user to whom Debian gives mailboxes, number 8 on every machine.
const MAIL_USER: u32 = 8;

pub const PASSWORD: &str = "secret";

pub struct Smtpd {
    chroot: Chroot,
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
        Running::new(self.chroot, server)
    }
}

/// Runs a command inside, as a program of the machine.
pub fn run_inside(smtpd: &Running, command: &str) -> String {
    let root = smtpd.chroot.root().to_str().expect("UTF-8");
    smtpd.run_in_network(&["chroot", root, "sh", "-c", command])
}

/// The command lines and numbers of the processes in its network.
pub fn processes(smtpd: &Running) -> Vec<(String, i32)> {
    let network = |process: &Path| fs::read_link(process.join("ns/net")).ok();
    let own = network(&Path::new("/proc").join(smtpd.first_process().to_string()));
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let named = entries.filter(|entry| network(&entry.path()) == own).filter_map(|entry| {
        let name = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let id = entry.file_name().to_string_lossy().parse().ok()?;
        Some((name.replace('\0', " ").trim().to_string(), id))
    });
    named.collect()
}
