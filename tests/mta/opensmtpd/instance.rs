//! An OpenSMTPD of the test's own: configuration and mail below a directory in
//! the chroot, queue and control socket on file systems of its own, and a
//! network without a way out.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::{Program, require, wait_for};

const CONFIGURATION: &str = include_str!("smtpd.conf");

const ADDRESSES: [&str; 4] =
    ["198.51.100.7/32", "198.51.100.8/32", "203.0.113.7/32", "2001:db8::7/128"];

const HOSTS: &str = "127.0.0.1 localhost mx.test.example\n198.51.100.7 mail.sender.test\n\
    203.0.113.7 mail.friend.test\n";

/// The user to whom Debian gives mailboxes, number 8 on every machine.
const MAIL_USER: u32 = 8;

const PASSWORD: &str = "secret";

pub struct Smtpd {
    chroot: PathBuf,
    home: String,
    process: Option<Child>,
}

impl Smtpd {
    /// Writes its configuration. The filter is started with these arguments; a
    /// name without a slash is looked up where smtpd looks for filters.
    pub fn prepare(chroot: &Path, program: &str, options: &str) -> Smtpd {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        require("/usr/bin/swaks", "swaks");
        require("/usr/bin/openssl", "openssl");
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let home = format!("/srv/postgrey-test-{number}");
        let smtpd = Smtpd { chroot: chroot.to_path_buf(), home, process: None };
        let _ = fs::remove_dir_all(smtpd.path(""));
        for name in ["", "mail", "run"] {
            fs::create_dir_all(smtpd.path(name)).expect("a directory in the chroot");
        }
        chown(smtpd.path("mail"), Some(MAIL_USER), Some(MAIL_USER)).expect("chown");
        smtpd.install();
        smtpd.configure(program, options);
        smtpd
    }

    /// Puts our program where smtpd starts it, under both of its names.
    fn install(&self) {
        fs::copy(Program::Ours.path(), self.path("postgrey")).expect("our binary");
        let filters = self.chroot.join("usr/libexec/opensmtpd");
        let copy = filters.join(".filter-postgrey");
        fs::copy(Program::Ours.path(), &copy).expect("our binary");
        fs::rename(copy, filters.join("filter-postgrey")).expect("a file's name");
    }

    fn configure(&self, program: &str, options: &str) {
        let home = &self.home;
        let certificate = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=mx.test.example \
            -days 30 -keyout key.pem -out cert.pem 2>/dev/null && chmod 600 key.pem";
        self.output(&["sh", "-c", certificate]);
        let login = self.output(&["openssl", "passwd", "-6", PASSWORD]);
        let command = format!("{program} --unix={home}/run/socket {options}");
        let text = CONFIGURATION
            .replace("COMMAND", command.replace("HOME", home).trim())
            .replace("HOME", home)
            .replace("LOGIN", login.trim());
        let path = self.path("smtpd.conf");
        fs::write(&path, text).expect("a file in the chroot");
        fs::set_permissions(path, Permissions::from_mode(0o644)).expect("chmod");
        for (name, text) in [("etc/hosts", HOSTS), ("etc/resolv.conf", "")] {
            let path = self.chroot.join(name);
            if !fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
                fs::write(path, text).expect("a file in the chroot");
            }
        }
    }

    pub fn socket(&self) -> PathBuf {
        self.path("run/socket")
    }

    pub fn start(mut self) -> Smtpd {
        let chroot = self.chroot.display();
        let address = |address: &&str| format!("ip address add {address} dev lo && ");
        let addresses: String = ADDRESSES.iter().map(address).collect();
        let line = format!(
            "ip link set lo up && {addresses} \
             mount -t tmpfs tmpfs {chroot}/run && mount -t tmpfs tmpfs {chroot}/var/spool && \
             exec chroot {chroot} smtpd -d -v -f {}/smtpd.conf",
            self.home
        );
        let output = fs::File::create(self.path("output")).expect("a file");
        let process = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--", "sh", "-c", &line])
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .spawn();
        self.process = Some(process.expect("unshare"));
        wait_for("OpenSMTPD", || {
            let greeting = self.swaks("127.0.0.1", &["--quit-after=BANNER"]);
            greeting.contains("<-  220 ").then_some(())
        });
        self
    }

    /// Returns the dialogue of an attempt that ends after the recipient.
    pub fn offer(&self, client: &str, sender: &str, recipient: &str) -> String {
        let (from, to) = (format!("--from={sender}"), format!("--to={recipient}"));
        self.swaks(client, &[&from, &to, "--quit-after=RCPT"])
    }

    /// Returns the dialogue of a client that logs in first.
    pub fn offer_as_user(&self, client: &str, sender: &str, recipient: &str) -> String {
        let (from, to) = (format!("--from={sender}"), format!("--to={recipient}"));
        let password = format!("--auth-password={PASSWORD}");
        let login = ["--tls", "--auth=PLAIN", "--auth-user=joe", &password];
        self.swaks(client, &[&login[..], &[&from, &to, "--quit-after=RCPT"]].concat())
    }

    /// Sends a message, whose body ends with a line feed, and returns it as it
    /// was delivered.
    pub fn deliver(&self, client: &str, sender: &str, body: &str) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let subject = format!("message {} of this test", COUNT.fetch_add(1, Ordering::Relaxed));
        let from = format!("--from={sender}");
        let file = self.path("message");
        // swaks adds a line feed.
        let body = body.strip_suffix('\n').expect("a last line");
        fs::write(&file, format!("Subject: {subject}\n\n{body}")).expect("a file");
        let data = format!("--data=@{}", file.display());
        let dialogue =
            self.swaks(client, &[&from, "--to=bob@example.org", &data, "--suppress-data"]);
        assert!(dialogue.contains("Message accepted for delivery"), "{dialogue}");
        wait_for("the delivery", || {
            self.mailbox().into_iter().find(|message| message.contains(&subject))
        })
    }

    pub fn mailbox(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("mail/new")).into_iter().flatten();
        let read =
            |entry: std::io::Result<fs::DirEntry>| fs::read_to_string(entry.ok()?.path()).ok();
        entries.filter_map(read).collect()
    }

    /// Runs a command inside, as a program of the machine.
    pub fn run(&self, command: &str) -> String {
        let inside = self.inside();
        let output = Command::new("nsenter")
            .args(["--net", "--mount", "--target", &inside])
            .args(["chroot", self.chroot.to_str().expect("UTF-8"), "sh", "-c", command])
            .output()
            .expect("nsenter");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("output")).expect("a log")
    }

    pub fn processes(&self) -> Vec<(String, u32)> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").expect("/proc").flatten() {
            let process = entry.path();
            let is_ours = fs::read_link(process.join("root")).is_ok_and(|root| root == self.chroot)
                && fs::read_link(process.join("ns/net")).ok() == self.network();
            let Ok(name) = fs::read_to_string(process.join("cmdline")) else { continue };
            if let (true, Ok(id)) = (is_ours, entry.file_name().to_string_lossy().parse()) {
                found.push((name.replace('\0', " ").trim().to_string(), id));
            }
        }
        found
    }

    fn network(&self) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/ns/net", self.inside())).ok()
    }

    fn inside(&self) -> String {
        let process = self.process.as_ref().expect("a started OpenSMTPD").id();
        let children = format!("/proc/{process}/task/{process}/children");
        wait_for("smtpd", || {
            let children = fs::read_to_string(&children).ok()?;
            children.split_whitespace().next().map(str::to_string)
        })
    }

    fn swaks(&self, client: &str, arguments: &[&str]) -> String {
        let server = if client.contains(':') { "[::1]" } else { "127.0.0.1" };
        let output = Command::new("nsenter")
            .args(["--net", "--target", &self.inside(), "swaks"])
            .args([&format!("--server={server}"), "--port=2525", "--helo=mail.sender.test"])
            .arg(format!("--local-interface={client}"))
            .args(arguments)
            .output();
        let output = output.expect("nsenter");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    fn output(&self, words: &[&str]) -> String {
        let output = Command::new(words[0]).args(&words[1..]).current_dir(self.path("")).output();
        let output = output.expect("a program");
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).expect("plain text")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.chroot.join(&self.home[1..]).join(name)
    }
}

impl Drop for Smtpd {
    fn drop(&mut self) {
        // unshare ignores the signals that would end it; with it, all
        // processes of its namespace end.
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
