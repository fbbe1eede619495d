//! A mail server that lives in a chroot, because Debian's package of it conflicts
//! with Postfix's.

use std::fs::{self, Permissions};
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::{pem, require, skip, wait_for, wait_until};

/// The names of the clients that have one, of a server in a network of its own.
/// The first line with a name is its only one ([`RESOLVER`]), so that the last
/// client claims the name of another.
const HOSTS: &str = "127.0.0.1 localhost mx.test.example\n198.51.100.7 mail.sender.test\n\
    203.0.113.7 mail.friend.test\n198.51.100.9 mail.friend.test\n";

/// The content of `etc/host.conf` that goes with them.
const RESOLVER: &str = "multi off\n";

/// A chroot that `compat/mail-servers` has made, or `None` with a report of what is
/// skipped.
pub fn made(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("POSTGREY_CHROOTS").map(|chroots| Path::new(&chroots).join(name));
    let root = root.filter(|root| root.join(".complete").exists());
    if root.is_none() {
        skip(&format!("{name}: there is no chroot of it, run compat/mail-servers"));
    }
    root
}

/// A directory of one test in a chroot.
#[derive(Debug)]
pub struct Chroot {
    root: PathBuf,
    home: String,
}

impl Chroot {
    /// A new directory in the chroot `root`, with these directories in it.
    pub fn new(root: &Path, directories: &[&str]) -> Chroot {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let home = format!("/srv/postgrey-test-{number}");
        let chroot = Chroot { root: root.to_path_buf(), home };
        let _ = fs::remove_dir_all(chroot.path(""));
        for name in [&[""], directories].concat() {
            fs::create_dir_all(chroot.path(name)).expect("a directory in the chroot");
        }
        for (name, text) in [("hosts", HOSTS), ("host.conf", RESOLVER), ("resolv.conf", "")] {
            chroot.write_once(&format!("etc/{name}"), text);
        }
        chroot
    }

    /// Its path outside of the chroot.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path of the test's directory inside of the chroot.
    pub fn home(&self) -> &str {
        &self.home
    }

    /// The path of a file of the test's directory, outside of the chroot.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(&self.home[1..]).join(name)
    }

    /// Writes a file of the test's directory; `HOME` in it stands for that.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text.replace("HOME", &self.home)).expect("a file in the chroot");
        path
    }

    /// Writes a file that all tests of the chroot share.
    fn write_once(&self, name: &str, text: &str) {
        let path = self.root.join(name);
        if !fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
            fs::write(path, text).expect("a file in the chroot");
        }
    }

    /// Copies the certificate of `mx.test` to `cert.pem` and `key.pem`.
    pub fn copy_certificate(&self) {
        fs::copy(pem("certificate.pem"), self.path("cert.pem")).expect("a file");
        let key = self.path("key.pem");
        fs::copy(pem("key.pem"), &key).expect("a file");
        fs::set_permissions(key, Permissions::from_mode(0o600)).expect("chmod");
    }

    /// Returns what a program prints that is run inside of the chroot.
    pub fn run(&self, words: &[&str]) -> String {
        let output = Command::new("chroot").arg(&self.root).args(words).output();
        let output = output.expect("chroot");
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).expect("plain text")
    }

    /// The messages in the maildir `mail`.
    pub fn maildir(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("mail/new")).into_iter().flatten();
        let read = |entry: std::io::Result<fs::DirEntry>| {
            Some(String::from_utf8_lossy(&fs::read(entry.ok()?.path()).ok()?).into_owned())
        };
        entries.filter_map(read).collect()
    }
}

/// A mail server that runs in a chroot.
pub struct Running {
    pub chroot: Chroot,
    server: Server,
}

impl Running {
    /// Waits until it greets clients.
    pub fn new(chroot: Chroot, server: Server) -> Running {
        server.wait_for_greeting();
        Running { chroot, server }
    }

    /// Sends a message to bob, whose body ends with a line feed, and returns it as it
    /// was delivered to the maildir.
    pub fn deliver(&self, client: &str, sender: &str, body: &str) -> String {
        let subject = self.hand_in(client, sender, "bob@example.org", body);
        let is_it = |message: &String| message.contains(&subject);
        wait_for("the delivery", || self.chroot.maildir().into_iter().find(is_it))
    }
}

impl Deref for Running {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// A running mail server. Dropping it ends all of its processes.
#[derive(Debug)]
pub struct Server {
    process: Child,
    output: PathBuf,
}

impl Server {
    /// Starts a command in the chroot, after a shell script outside of it that
    /// may mount file systems, which only the server sees. `ROOT` in the script
    /// stands for the chroot.
    pub fn start(chroot: &Chroot, script: &str, command: &str) -> Server {
        Server::start_with(chroot, &[], script, command)
    }

    /// Likewise, in a network of its own, which has these addresses besides the
    /// loopback ones.
    pub fn start_alone(chroot: &Chroot, addresses: &[&str], script: &str, command: &str) -> Server {
        let address = |address: &&str| format!("ip address add {address} dev lo && ");
        let addresses: String = addresses.iter().map(address).collect();
        let script = format!("ip link set lo up && {addresses}{script}");
        Server::start_with(chroot, &["--net"], &script, command)
    }

    fn start_with(chroot: &Chroot, own: &[&str], script: &str, command: &str) -> Server {
        require("/usr/bin/swaks", "swaks");
        let root = chroot.root.display().to_string();
        let command = command.replace("HOME", &chroot.home);
        // The shell stays: the kernel forgets what --kill-child asks for when a
        // program with other rights is executed (prctl(2), PR_SET_PDEATHSIG).
        let line = format!("{} && chroot {root} {command}; exit", script.replace("ROOT", &root));
        let output = chroot.path("output");
        let file = fs::File::create(&output).expect("a file");
        let process = Command::new("unshare")
            .args(own)
            .args(["--mount", "--pid", "--fork", "--kill-child", "--", "sh", "-c", &line])
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn();
        Server { process: process.expect("unshare"), output }
    }

    /// Returns the dialogue of an attempt that ends after the recipients.
    pub fn offer(&self, client: &str, sender: &str, recipients: &str) -> String {
        let (from, to) = (format!("--from={sender}"), format!("--to={recipients}"));
        self.swaks(client, &[&from, &to, "--quit-after=RCPT"])
    }

    /// The same of a client that logs in, with more arguments.
    pub fn offer_as(&self, login: [&str; 2], client: &str, sender: &str, more: &[&str]) -> String {
        let [user, password] = login;
        let words = [
            &format!("--auth-user={user}"),
            &format!("--auth-password={password}"),
            &format!("--from={sender}"),
            "--to=bob@example.org",
            "--quit-after=RCPT",
        ];
        self.swaks(client, &[&words, more].concat())
    }

    /// Sends a message, whose body ends with a line feed, and returns its
    /// subject.
    pub fn hand_in(&self, client: &str, sender: &str, recipients: &str, body: &str) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let subject = format!("message {} of this test", COUNT.fetch_add(1, Ordering::Relaxed));
        // swaks adds a line feed.
        let body = body.strip_suffix('\n').expect("a last line");
        let file = self.output.with_file_name("message");
        fs::write(&file, format!("Subject: {subject}\n\n{body}")).expect("a file");
        let (from, to) = (format!("--from={sender}"), format!("--to={recipients}"));
        let data = format!("--data=@{}", file.display());
        let dialogue = self.swaks(client, &[&from, &to, &data, "--suppress-data"]);
        let is_accepted = ["Message accepted for delivery", "250 OK id="];
        assert!(is_accepted.iter().any(|reply| dialogue.contains(reply)), "{dialogue}");
        subject
    }

    /// Waits until it greets clients on port 2525 of its own network.
    pub fn wait_for_greeting(&self) {
        wait_until("the mail server's greeting", || {
            let dialogue = self.swaks("127.0.0.1", &["--quit-after=BANNER"]);
            dialogue.contains("<-  220 ")
        });
    }

    /// Returns the dialogue of a client with this address on port 2525.
    pub fn swaks(&self, client: &str, arguments: &[&str]) -> String {
        let server = if client.contains(':') { "[::1]" } else { "127.0.0.1" };
        let local = format!("--local-interface={client}");
        let server = format!("--server={server}");
        let words = ["swaks", &server, "--port=2525", "--helo=mail.sender.test", &local];
        self.run_in_network(&[&words, arguments].concat())
    }

    /// Returns what a program prints that is run in its network.
    pub fn run_in_network(&self, words: &[&str]) -> String {
        let inside = self.first_process().to_string();
        let output = Command::new("nsenter")
            .args(["--net", "--mount", "--target", &inside])
            .args(words)
            .output()
            .expect("nsenter");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// The process that was started first, whose namespaces are the server's.
    pub fn first_process(&self) -> u32 {
        let process = self.process.id();
        let children = format!("/proc/{process}/task/{process}/children");
        wait_for("the mail server", || {
            let children = fs::read_to_string(&children).ok()?;
            children.split_whitespace().next()?.parse().ok()
        })
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.output).expect("a log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // unshare ignores the signals that would end it; with it, all processes
        // of its namespace end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
