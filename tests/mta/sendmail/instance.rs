//! A Sendmail of the test's own: configuration and queue below a directory in
//! the chroot, and a network without a way out.

use crate::chroot::{Chroot, Running, Server};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use testkit::wait_for;

const CONFIGURATION: &str = include_str!("sendmail.mc");

/// Addresses of clients, besides those of the machine.
const ADDRESSES: [&str; 6] = [
    "198.51.100.7/32",
    "198.51.100.8/32",
    "198.51.100.9/32",
    "198.51.100.99/32",
    "203.0.113.7/32",
    "2001:db8::7/128 nodad",
];

/// Time limits of Sendmail for its milter, as in debian/README.sendmail.
pub const RECOMMENDED: &str = "T=C:10s;S:5s;R:10s;E:1m";

/// The settings of Sendmail's library for logins, in the chroot.
const LOGINS: &str = "usr/lib/sasl2/Sendmail.conf";

pub struct Sendmail {
    chroot: Chroot,
}

impl Sendmail {
    /// Writes its configuration, with these flags of the milter.
    pub fn prepare(root: &Path, flags: &str) -> Sendmail {
        // `run` is root's, as the unit makes /run/postgrey.
        let sendmail = Sendmail { chroot: Chroot::new(root, &["queue", "mail", "run"]) };
        sendmail.configure(flags);
        sendmail
    }

    fn configure(&self, flags: &str) {
        let Sendmail { chroot } = self;
        chroot.write("sendmail.mc", &CONFIGURATION.replace("FLAGS", flags));
        chroot.write("service.switch", "hosts files\naliases files\n");
        let mailbox = |name: &str| format!("{name}: HOME/mail/{name}\n");
        let names = ["bob", "carol", "postmaster"];
        chroot.write("aliases", &names.map(mailbox).concat());
        for name in names {
            // Sendmail delivers as a user of its own choice.
            let path = chroot.write(&format!("mail/{name}"), "");
            fs::set_permissions(path, Permissions::from_mode(0o666)).expect("chmod");
        }
        let home = chroot.home();
        let configuration = chroot.run(&["m4", &format!("{home}/sendmail.mc")]);
        chroot.write("sendmail.cf", &configuration);
        run(chroot, &["-bi"]);
    }

    /// Lets a user log in. Returns false where the chroot has no such programs.
    pub fn add_login(&self, user: &str, password: &str) -> bool {
        if !self.chroot.root().join("usr/sbin/saslpasswd2").exists() {
            return false;
        }
        let home = self.chroot.home();
        let settings = format!(
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {home}/logins\n"
        );
        fs::write(self.chroot.root().join(LOGINS), settings).expect("the settings of logins");
        let add = format!("saslpasswd2 -p -c -f {home}/logins -u mx.test.example {user}");
        let line = format!("printf %s '{password}' | {add} && chmod 600 {home}/logins");
        self.chroot.run(&["sh", "-c", &line]);
        true
    }

    pub fn milter(&self) -> PathBuf {
        self.chroot.path("run/milter")
    }

    /// Starts it, and waits until it listens.
    pub fn start(self) -> Running {
        let command = format!("{} -C HOME/sendmail.cf -bD", program(&self.chroot));
        let server = Server::start_alone(&self.chroot, &ADDRESSES, "true", &command);
        Running::new(self.chroot, server)
    }
}

/// The program itself: Debian's sendmail is a wrapper.
fn program(chroot: &Chroot) -> &'static str {
    let paths = ["/usr/libexec/sendmail/sendmail", "/usr/lib/sm.bin/sendmail"];
    let found = paths.into_iter().find(|path| chroot.root().join(&path[1..]).exists());
    found.expect("Sendmail in the chroot")
}

/// Returns what it prints with these options.
fn run(chroot: &Chroot, options: &[&str]) -> String {
    let configuration = format!("{}/sendmail.cf", chroot.home());
    chroot.run(&[&[program(chroot), "-C", &configuration], options].concat())
}

/// Sends a message, and returns what is delivered to bob.
pub fn deliver(sendmail: &Running, client: &str, sender: &str, recipients: &str) -> String {
    let subject = sendmail.hand_in(client, sender, recipients, "hello\n");
    wait_for("the delivery", || {
        let mailbox = mailbox(sendmail);
        let messages = mailbox.split("\nFrom ").map(str::to_string);
        messages.filter(|message| message.contains(&subject)).last()
    })
}

/// The mail delivered to bob.
pub fn mailbox(sendmail: &Running) -> String {
    fs::read_to_string(sendmail.chroot.path("mail/bob")).expect("a mailbox")
}

/// The output of `mailq -qQ`: messages that wait for an administrator.
pub fn quarantine(sendmail: &Running) -> String {
    run(&sendmail.chroot, &["-bp", "-qQ"])
}
