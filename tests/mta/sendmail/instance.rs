//! A Sendmail of the test's own: configuration and queue below a directory in
//! the chroot, and a network without a way out.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::{require, wait_for};

const CONFIGURATION: &str = include_str!("sendmail.mc");

/// Addresses from which the test speaks, beside the machine's own.
const NETWORK: &str = "ip link set lo up && ip address add 198.51.100.7/32 dev lo && \
    ip address add 198.51.100.8/32 dev lo && ip address add 198.51.100.9/32 dev lo && \
    ip address add 198.51.100.99/32 dev lo && \
    ip address add 203.0.113.7/32 dev lo && ip address add 2001:db8::7/128 dev lo nodad";

const HOSTS: &str = "127.0.0.1 localhost mx.test.example\n198.51.100.7 mail.sender.test\n\
    203.0.113.7 mail.friend.test\n198.51.100.9 mail.friend.test\n";

/// The first line with a name is its only one, so that what claims the name of
/// another is found out.
const RESOLVER: &str = "multi off\n";

/// What Sendmail is to do while its milter is away, and how long it waits for
/// it, as in debian/README.sendmail.
pub const RECOMMENDED: &str = "T=C:10s;S:5s;R:10s;E:1m";

/// Where Sendmail's library for logins looks for its settings, in the chroot.
const LOGINS: &str = "usr/lib/sasl2/Sendmail.conf";

pub struct Sendmail {
    chroot: PathBuf,
    home: String,
    process: Option<Child>,
}

impl Sendmail {
    pub fn prepare(chroot: &Path, flags: &str) -> Sendmail {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        require("/usr/bin/swaks", "swaks");
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let home = format!("/srv/postgrey-test-{number}");
        let sendmail = Sendmail { chroot: chroot.to_path_buf(), home, process: None };
        let _ = fs::remove_dir_all(sendmail.path(""));
        for name in ["", "queue", "mail"] {
            fs::create_dir_all(sendmail.path(name)).expect("a directory in the chroot");
        }
        // Root's, as the unit makes /run/postgrey.
        fs::create_dir(sendmail.path("run")).expect("a directory in the chroot");
        sendmail.configure(flags);
        sendmail
    }

    fn configure(&self, flags: &str) {
        let home = &self.home;
        let source = CONFIGURATION.replace("HOME", home).replace("FLAGS", flags);
        self.write("sendmail.mc", &source);
        self.write("service.switch", "hosts files\naliases files\n");
        let mailbox = |name: &str| format!("{name}: {home}/mail/{name}\n");
        let names = ["bob", "carol", "postmaster"];
        self.write("aliases", &names.map(mailbox).concat());
        for name in names {
            // Sendmail delivers as a user of its own choice.
            let path = self.write(&format!("mail/{name}"), "");
            fs::set_permissions(path, Permissions::from_mode(0o666)).expect("chmod");
        }
        self.write_once("etc/hosts", HOSTS);
        self.write_once("etc/host.conf", RESOLVER);
        self.write_once("etc/resolv.conf", "");
        let configuration = self.run(&["m4", &format!("{home}/sendmail.mc")]);
        self.write("sendmail.cf", &configuration);
        self.run(&[&self.program(), "-C", &format!("{home}/sendmail.cf"), "-bi"]);
    }

    /// Lets somebody log in. Gives false where the chroot has no such programs.
    pub fn add_login(&self, user: &str, password: &str) -> bool {
        if !self.chroot.join("usr/sbin/saslpasswd2").exists() {
            return false;
        }
        let (home, chroot) = (&self.home, &self.chroot);
        let settings = format!(
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {home}/logins\n"
        );
        fs::write(chroot.join(LOGINS), settings).expect("the settings of logins");
        let add = format!("saslpasswd2 -p -c -f {home}/logins -u mx.test.example {user}");
        let line = format!("printf %s '{password}' | {add} && chmod 600 {home}/logins");
        self.run(&["sh", "-c", &line]);
        true
    }

    pub fn milter(&self) -> PathBuf {
        self.path("run/milter")
    }

    pub fn start(mut self) -> Sendmail {
        let line = format!(
            "{NETWORK} && exec chroot {} {} -C {}/sendmail.cf -bD",
            self.chroot.display(),
            self.program(),
            self.home
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

    /// What it says to a client that logs in first.
    pub fn offer_as(&self, login: (&str, &str), client: &str, sender: &str) -> String {
        let (user, password) = (format!("--auth-user={}", login.0), login.1);
        let password = format!("--auth-password={password}");
        let from = format!("--from={sender}");
        let dialogue = [&user, &password, &from, "--auth=CRAM-MD5", "--to=bob@example.org"];
        self.swaks(client, &[&dialogue[..], &["--quit-after=RCPT"]].concat())
    }

    /// Sends a message, and gives what lands in bob's mailbox.
    pub fn deliver(&self, client: &str, sender: &str, recipients: &str) -> String {
        let subject = self.hand_in(client, sender, recipients);
        wait_for("the delivery", || {
            let mailbox = self.mailbox();
            let messages = mailbox.split("\nFrom ").map(str::to_string);
            messages.filter(|message| message.contains(&subject)).last()
        })
    }

    pub fn hand_in(&self, client: &str, sender: &str, recipients: &str) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let subject = format!("message {} of this test", COUNT.fetch_add(1, Ordering::Relaxed));
        let (from, to) = (format!("--from={sender}"), format!("--to={recipients}"));
        let header = format!("--header=Subject: {subject}");
        let dialogue = self.swaks(client, &[&from, &to, &header, "--body=hello"]);
        assert!(dialogue.contains("Message accepted for delivery"), "{dialogue}");
        subject
    }

    pub fn mailbox(&self) -> String {
        fs::read_to_string(self.path("mail/bob")).expect("a mailbox")
    }

    /// What `mailq -qQ` shows: messages that wait for an administrator.
    pub fn quarantine(&self) -> String {
        self.run(&[&self.program(), "-C", &format!("{}/sendmail.cf", self.home), "-bp", "-qQ"])
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
        self.chroot.join(&self.home[1..]).join(name)
    }

    /// Writes a file that all who live in the chroot share.
    fn write_once(&self, name: &str, text: &str) {
        let path = self.chroot.join(name);
        if !fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
            fs::write(&path, text).expect("a file in the chroot");
        }
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
