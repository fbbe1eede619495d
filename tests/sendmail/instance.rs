//! A Sendmail of the test's own: configuration and queue below a directory in
//! the chroot, and a network without a way out.

use crate::harness::{require, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

const CONFIGURATION: &str = include_str!("sendmail.mc");

/// The directory inside of the chroot.
const HOME: &str = "/srv/postgrey-test";

/// Addresses from which the test speaks, beside the machine's own.
const NETWORK: &str = "ip link set lo up && ip address add 198.51.100.7/32 dev lo && \
    ip address add 198.51.100.8/32 dev lo && ip address add 198.51.100.99/32 dev lo && \
    ip address add 203.0.113.7/32 dev lo && ip address add 2001:db8::7/128 dev lo nodad";

/// The names of those that have one.
const HOSTS: &str = "127.0.0.1 localhost mx.test.example\n198.51.100.7 mail.sender.test\n\
    203.0.113.7 mail.friend.test\n";

/// A Sendmail. Dropping it ends it.
pub struct Sendmail {
    chroot: PathBuf,
    process: Option<Child>,
}

impl Sendmail {
    /// Writes its configuration.
    pub fn prepare(chroot: &Path) -> Sendmail {
        require("/usr/bin/swaks", "swaks");
        let sendmail = Sendmail { chroot: chroot.to_path_buf(), process: None };
        let _ = fs::remove_dir_all(sendmail.path(""));
        for name in ["", "queue", "mail"] {
            fs::create_dir_all(sendmail.path(name)).expect("a directory in the chroot");
        }
        // As the service's own directory, /run/postgrey, belongs to it.
        let user = User::from_name("postgrey").expect("the password file").expect("postgrey");
        let directory = sendmail.path("run");
        fs::create_dir(&directory).expect("a directory in the chroot");
        chown(directory, Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("chown");
        sendmail.write("sendmail.mc", &CONFIGURATION.replace("HOME", HOME));
        sendmail.write("service.switch", "hosts files\naliases files\n");
        let mailbox = |name: &str| format!("{name}: {HOME}/mail/{name}\n");
        let names = ["bob", "carol", "postmaster"];
        sendmail.write("aliases", &names.map(mailbox).concat());
        for name in names {
            // Sendmail delivers as a user of its own choice.
            let path = sendmail.write(&format!("mail/{name}"), "");
            fs::set_permissions(path, Permissions::from_mode(0o666)).expect("chmod");
        }
        fs::write(chroot.join("etc/hosts"), HOSTS).expect("etc/hosts");
        fs::write(chroot.join("etc/resolv.conf"), "").expect("etc/resolv.conf");
        let configuration = sendmail.run(&["m4", &format!("{HOME}/sendmail.mc")]);
        sendmail.write("sendmail.cf", &configuration);
        sendmail.run(&[&sendmail.program(), "-C", &format!("{HOME}/sendmail.cf"), "-bi"]);
        sendmail
    }

    /// Where it expects the milter, seen from outside.
    pub fn milter(&self) -> PathBuf {
        self.path("run/milter")
    }

    /// Starts it, and waits until it listens.
    pub fn start(mut self) -> Sendmail {
        let line = format!(
            "{NETWORK} && exec chroot {} {} -C {HOME}/sendmail.cf -bD",
            self.chroot.display(),
            self.program()
        );
        let output = fs::File::create(self.path("output")).expect("a file");
        let process = Command::new("unshare")
            .args(["--net", "--", "sh", "-c", &line])
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .spawn();
        self.process = Some(process.expect("unshare"));
        wait_for("Sendmail", || {
            let greeting = self.swaks("127.0.0.1", &["--quit-after=BANNER"]);
            greeting.contains("<-  220 ").then_some(())
        });
        self
    }

    /// What it says up to the recipients. Nothing is sent.
    pub fn offer(&self, client: &str, sender: &str, recipients: &str) -> String {
        let (from, to) = (format!("--from={sender}"), format!("--to={recipients}"));
        self.swaks(client, &[&from, &to, "--quit-after=RCPT"])
    }

    /// Sends a message, and gives what lands in bob's mailbox.
    pub fn deliver(&self, client: &str, sender: &str, recipients: &str) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let subject = format!("message {} of this test", COUNT.fetch_add(1, Ordering::Relaxed));
        let (from, to) = (format!("--from={sender}"), format!("--to={recipients}"));
        let header = format!("--header=Subject: {subject}");
        let dialogue = self.swaks(client, &[&from, &to, &header, "--body=hello"]);
        assert!(dialogue.contains("Message accepted for delivery"), "{dialogue}");
        wait_for("the delivery", || {
            let mailbox = fs::read_to_string(self.path("mail/bob")).expect("a mailbox");
            let messages = mailbox.split("\nFrom ").map(str::to_string);
            messages.filter(|message| message.contains(&subject)).last()
        })
    }

    fn swaks(&self, client: &str, arguments: &[&str]) -> String {
        let process = self.process.as_ref().expect("a started Sendmail");
        let server = if client.contains(':') { "[::1]" } else { "127.0.0.1" };
        let output = Command::new("nsenter")
            .args(["--net", "--target", &process.id().to_string(), "swaks"])
            .args([&format!("--server={server}"), "--port=2525", "--helo=mail.sender.test"])
            .arg(format!("--local-interface={client}"))
            .args(arguments)
            .output();
        let output = output.expect("nsenter");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// Debian keeps it beside a wrapper.
    fn program(&self) -> String {
        let paths = ["/usr/libexec/sendmail/sendmail", "/usr/lib/sm.bin/sendmail"];
        let found = paths.iter().find(|path| self.chroot.join(&path[1..]).exists());
        (*found.expect("Sendmail in the chroot")).to_string()
    }

    fn run(&self, words: &[&str]) -> String {
        let output = Command::new("chroot").arg(&self.chroot).args(words).output();
        let output = output.expect("chroot");
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).expect("plain text")
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("a file in the chroot");
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.chroot.join(&HOME[1..]).join(name)
    }
}

impl Drop for Sendmail {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let pid = Pid::from_raw(i32::try_from(process.id()).expect("a process id"));
            let _ = kill(pid, Signal::SIGTERM);
            let _ = process.wait();
        }
    }
}
