//! A private view of the file system: mounts that only the server under test
//! sees, and that end with the test, however it ends.

use crate::{require, skip};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::geteuid;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{panic, thread};

const NO_MOUNTS: &str = "what needs mounts: run it as root where they are allowed";

/// A mount namespace, held open by a process that waits for the test's end.
#[derive(Debug)]
pub struct Namespace {
    holder: Child,
}

impl Namespace {
    /// A namespace that a shell script sets up; `arguments` are its `$1` and so on.
    /// Returns `None`, and reports what is skipped, where mounts are not allowed.
    pub fn new(script: &str, arguments: &[&Path]) -> Option<Namespace> {
        if !geteuid().is_root() {
            skip(NO_MOUNTS);
            return None;
        }
        require("/usr/bin/unshare", "util-linux");
        require("/usr/bin/nsenter", "util-linux");
        // The holder ends with its standard input, so also when the test dies.
        let script = format!("{script}\necho ready\nexec cat");
        let mut holder = Command::new("/usr/bin/unshare")
            .args(["--mount", "sh", "-euc", &script, "sh"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare");
        let mut word = String::new();
        let output = holder.stdout.as_mut().expect("a pipe");
        BufReader::new(output).read_line(&mut word).expect("a word from the script");
        let namespace = Namespace { holder };
        if word != "ready\n" {
            skip(NO_MOUNTS);
            return None;
        }
        Some(namespace)
    }

    pub fn words(&self) -> [String; 2] {
        let holder = self.holder.id();
        ["/usr/bin/nsenter".to_string(), format!("--mount=/proc/{holder}/ns/mnt")]
    }

    /// The path for the test of a path inside.
    pub fn path(&self, inside: &Path) -> PathBuf {
        let root = format!("/proc/{}/root", self.holder.id());
        Path::new(&root).join(inside.strip_prefix("/").expect("an absolute path"))
    }

    pub fn run(&self, script: &str, arguments: &[&Path]) {
        let [nsenter, mount] = self.words();
        let mut command = Command::new(nsenter);
        command.args([mount.as_str(), "sh", "-euc", script, "sh"]).args(arguments);
        assert!(command.status().expect("nsenter").success(), "{script}");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// The addresses in [`in_own_network`] that are no loopback ones (RFC 5737 and
/// RFC 3849).
pub const OWN_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 10));
pub const OWN_IPV6_ADDRESS: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10));

/// Runs a test in a network of its own, in which all programs that it starts have
/// the loopback addresses and those of its own. Skips it where the system does not
/// allow that, and returns what it returns.
pub fn in_own_network<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let ip = |arguments: &[&str]| {
        let status = Command::new("/usr/sbin/ip").args(arguments).status();
        assert!(status.expect("ip").success(), "ip {arguments:?}");
    };
    // A network namespace is that of one thread and of what the thread starts.
    let thread = thread::spawn(move || {
        if unshare(CloneFlags::CLONE_NEWNET).is_err() {
            skip("what needs a network of its own: run it as root");
            return None;
        }
        require("/usr/sbin/ip", "iproute2");
        ip(&["link", "set", "lo", "up"]);
        ip(&["address", "add", &format!("{OWN_ADDRESS}/32"), "dev", "lo"]);
        // Without IPv6 the kernel has no such file.
        if Path::new("/proc/net/if_inet6").exists() {
            ip(&["address", "add", &format!("{OWN_IPV6_ADDRESS}/128"), "dev", "lo", "nodad"]);
        }
        Some(test())
    });
    thread.join().unwrap_or_else(|failure| panic::resume_unwind(failure))
}
