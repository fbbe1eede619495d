//! A Postfix of the test's own: private configuration, queue and port, one
//! policy server, and no way out. Mail for example.org lands in a maildir that
//! the test reads; anything else would be discarded.

use crate::smtp::{Envelope, Smtp};
use std::fs::{self, File, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::{Daemon, Listener, Scratch, free_port, pem, require, wait_for};

/// The services that receiving and delivering mail take, as in `master.cf`; the
/// SMTP server itself depends on the test. All run outside of a chroot.
const SERVICES: &str = "\
pickup   unix       n - n 60  1 pickup
cleanup  unix       n - n -   0 cleanup
qmgr     unix       n - n 300 1 qmgr
rewrite  unix       - - n -   - trivial-rewrite
bounce   unix       - - n -   0 bounce
defer    unix       - - n -   0 bounce
trace    unix       - - n -   0 bounce
showq    unix       n - n -   - showq
verify   unix       - - n -   1 verify
error    unix       - - n -   - error
retry    unix       - - n -   - error
discard  unix       - - n -   - discard
virtual  unix       - n n -   - virtual
proxymap unix       - - n -   - proxymap
anvil    unix       - - n -   1 anvil
tlsmgr   unix       - - n 1000? 1 tlsmgr
postlog  unix-dgram n - n -   1 postlogd
";

#[derive(Debug)]
pub struct Postfix {
    port: u16,
    is_in_chroot: bool,
    /// Options of the SMTP server in `master.cf`.
    options: &'static str,
    scratch: Scratch,
}

impl Postfix {
    /// Starts a Postfix that asks a daemon last about each recipient.
    pub fn asking(daemon: &Daemon) -> Postfix {
        let service = match daemon.listener() {
            Listener::Unix(path) => format!("unix:{}", path.display()),
            Listener::Tcp(address) => format!("inet:{address}"),
        };
        Postfix::start_with(&format!(
            "smtpd_recipient_restrictions =\n    \
             reject_unauth_destination, check_policy_service {service}\n"
        ))
    }

    /// Starts a Postfix whose `main.cf` ends with these lines: its restrictions,
    /// and whom it asks.
    pub fn start_with(questions: &str) -> Postfix {
        Postfix::start_as(false, "", questions)
    }

    /// Likewise, with an SMTP server that sees no files but those of the queue, as
    /// Debian has it.
    pub fn start_in_chroot(questions: &str) -> Postfix {
        Postfix::start_as(true, "", questions)
    }

    /// Starts a Postfix that gets the clients' addresses from a proxy.
    pub fn start_with_proxy() -> Postfix {
        let options = "    -o smtpd_upstream_proxy_protocol=haproxy\n";
        let questions = format!(
            "smtpd_recipient_restrictions = reject_unauth_destination\n\
             smtpd_client_connection_count_limit = 0\n\
             message_size_limit = 30000000\n\
             smtpd_tls_security_level = may\n\
             smtpd_tls_chain_files = {}, {}\n",
            pem("key.pem").display(),
            pem("certificate.pem").display()
        );
        Postfix::start_as(false, options, &questions)
    }

    fn start_as(is_in_chroot: bool, options: &'static str, questions: &str) -> Postfix {
        require("/usr/sbin/postfix", "postfix");
        assert!(
            nix::unistd::geteuid().is_root(),
            "run these tests as root: Postfix starts for nobody else"
        );
        let mut postfix = Postfix { port: 0, is_in_chroot, options, scratch: Scratch::new() };
        postfix.make_directories();
        postfix.write_configuration(questions);
        // Another program may use the port in the meantime.
        for _ in 0..3 {
            postfix.port = free_port();
            postfix.write_services();
            if postfix.run("start").success() {
                return postfix;
            }
        }
        panic!("Postfix does not start:\n{}", postfix.everything_it_said());
    }

    /// The address of its SMTP server, as `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn offer(&self, envelope: &Envelope) -> Vec<String> {
        let mut smtp = self.smtp();
        let replies = smtp.offer(envelope);
        smtp.quit();
        replies
    }

    /// Sends a message, all of whose recipients must be accepted, and returns the
    /// delivered copies.
    pub fn deliver(&self, envelope: &Envelope) -> Vec<String> {
        let subject = self.hand_in(envelope);
        wait_for("the delivery", || {
            let copies = self.inbox_with(&subject);
            (copies.len() == envelope.recipients.len()).then_some(copies)
        })
    }

    /// Sends a message, all of whose recipients must be accepted. Returns the
    /// line that identifies it.
    pub fn hand_in(&self, envelope: &Envelope) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let subject = format!("Subject: message {number} of this test\n");
        let mut smtp = self.smtp();
        for reply in smtp.offer(envelope) {
            assert_eq!(reply, "250 2.1.5 Ok", "to {envelope:?}");
        }
        smtp.send(&subject);
        smtp.quit();
        subject
    }

    /// The output of `postqueue -p`.
    pub fn queue(&self) -> String {
        let mut postqueue = Command::new("/usr/sbin/postqueue");
        let output = postqueue.arg("-c").arg(self.path("etc")).arg("-p").output();
        let output = output.expect("postqueue");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    pub fn maillog(&self) -> Vec<String> {
        let log = fs::read(self.path("log/mail.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        log.lines().map(str::to_string).collect()
    }

    fn smtp(&self) -> Smtp {
        let stream = TcpStream::connect(self.address());
        Smtp::greet(stream.expect("Postfix, listening"))
    }

    /// The messages delivered so far that hold a piece of text.
    pub fn inbox_with(&self, text: &str) -> Vec<String> {
        let Ok(inbox) = fs::read_dir(self.path("mail/inbox/new")) else {
            return Vec::new();
        };
        inbox
            .map(|entry| fs::read_to_string(entry.expect("an entry").path()).expect("a message"))
            .filter(|message| message.contains(text))
            .collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn make_directories(&self) {
        for name in ["etc", "queue", "data", "log", "mail"] {
            fs::create_dir(self.path(name)).expect("a new directory");
            fs::set_permissions(self.path(name), Permissions::from_mode(0o755)).expect("chmod");
        }
        give(&self.path("data"), "postfix");
        give(&self.path("mail"), "nobody");
    }

    fn write_configuration(&self, questions: &str) {
        let nobody = user("nobody");
        let main = format!(
            "\
compatibility_level = 3.6
config_directory = {root}/etc
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log/mail.log
maillog_file_prefixes = {root}
myhostname = mx.test.example

# Nothing leaves, nothing is asked outside, nobody is local.
default_transport = discard
relay_transport = discard
disable_dns_lookups = yes
smtpd_peername_lookup = no
mydestination =
mynetworks = 192.0.2.254/32
alias_maps =
alias_database =
local_recipient_maps =

# The test speaks from 127.0.0.1 and plays any client, IPv6 ones included.
inet_interfaces = 127.0.0.1
inet_protocols = all
smtpd_authorized_xclient_hosts = 127.0.0.1

# It does so by the hundred and is told no as often.
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000

virtual_mailbox_domains = example.org
virtual_mailbox_maps = static:inbox/
virtual_mailbox_base = {root}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}

{questions}",
            root = self.scratch.path().display(),
            uid = nobody.uid,
            gid = nobody.gid,
        );
        fs::write(self.path("etc/main.cf"), main).expect("main.cf");
    }

    fn write_services(&self) {
        let chroot = if self.is_in_chroot { "y" } else { "n" };
        let smtpd =
            format!("127.0.0.1:{} inet n - {chroot} - - smtpd\n{}", self.port, self.options);
        fs::write(self.path("etc/master.cf"), smtpd + SERVICES).expect("master.cf");
    }

    fn run(&self, command: &str) -> ExitStatus {
        let output = File::options().create(true).append(true).open(self.path("log/output"));
        let output = output.expect("a file for its output");
        Command::new("/usr/sbin/postfix")
            .arg("-c")
            .arg(self.path("etc"))
            .arg(command)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .status()
            .expect("postfix")
    }

    fn everything_it_said(&self) -> String {
        let output = fs::read_to_string(self.path("log/output")).unwrap_or_default();
        output + &self.maillog().join("\n")
    }
}

#[allow(clippy::print_stderr, reason = "what a failed test leaves to its reader")]
impl Drop for Postfix {
    fn drop(&mut self) {
        self.run("stop");
        if std::thread::panicking() {
            eprintln!("Postfix said:\n{}", self.everything_it_said());
        }
    }
}

fn user(name: &str) -> nix::unistd::User {
    let user = nix::unistd::User::from_name(name).expect("the password file");
    user.unwrap_or_else(|| panic!("there is no user {name}"))
}

fn give(path: &Path, owner: &str) {
    let owner = user(owner);
    chown(path, Some(owner.uid.as_raw()), Some(owner.gid.as_raw())).expect("chown");
}
