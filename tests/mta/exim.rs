//! Greylisting as the clients of a real Exim meet it, which asks as the manual
//! has it. `compat/mail-servers` makes the chroot; without it, this is skipped.

use crate::chroot::{Chroot, Running, Server, made};
use crate::{PAGE, assert_in_manual};
use std::fs;
use std::path::Path;
use std::time::Duration;
use testkit::{Clock, Daemon, Listener, Program};

const CONFIGURATION: &str = include_str!("exim/exim4.conf");

const ADDRESSES: [&str; 2] = ["198.51.100.7/32", "2001:db8::7/128 nodad"];

const DEFERRED: &str = "451 Greylisted, see http://postgrey.schweikert.ch/help/example.org.html";

/// A directory in the chroot, with a mailbox, and a configuration that gets
/// these lines in place of `EXTRA`, and these statements for recipients.
pub fn configure(root: &Path, lines: &str, recipient: &str) -> Chroot {
    let chroot = Chroot::new(root, &["mail", "log", "spool", "run"]);
    chroot.copy_certificate();
    let text = CONFIGURATION.replace("LINES\n", lines).replace("RECIPIENT\n", recipient);
    chroot.write("exim4.conf", &text);
    chroot.run(&["chown", "-R", "Debian-exim:", chroot.home()]);
    chroot
}

/// The script that puts the configuration at its usual place: Exim keeps root's
/// rights with no other.
pub fn own_configuration(chroot: &Chroot) -> String {
    let file = chroot.path("exim4.conf");
    format!(
        "mount -t tmpfs -o mode=755 tmpfs ROOT/etc/exim4 && cp {} ROOT/etc/exim4",
        file.display()
    )
}

pub const COMMAND: &str = "exim4 -bdf -oP HOME/exim.pid";

/// The statements of the manual.
fn recipe() -> &'static str {
    let from = PAGE.find(".EX\nwarn\n").expect("a recipe") + ".EX\n".len();
    PAGE[from..].split(".EE\n").next().unwrap_or_default()
}

struct Site {
    exim: Running,
    daemon: Daemon,
    clock: Clock,
}

/// An Exim that asks as the manual has it, and a daemon.
fn start() -> Option<Site> {
    let root = made("exim")?;
    let recipe = recipe();
    assert!(recipe.contains("{inet:127.0.0.1:10023}"), "{recipe}");
    let recipe = recipe.replace("inet:127.0.0.1:10023", "HOME/run/socket");
    let chroot = configure(&root, "", &recipe);
    let builder = Daemon::builder(Program::Ours).on(Listener::Unix(chroot.path("run/socket")));
    let list = builder.scratch().file("blacklist", "mallory@sender.test\n");
    let builder = builder.arg(format!("--blacklist-senders={}", list.display()));
    let (builder, clock) = Clock::of(builder.arg("--hostname=mx.test.example"));
    let daemon = builder.start();
    let script = own_configuration(&chroot);
    let server = Server::start_alone(&chroot, &ADDRESSES, &script, COMMAND);
    Some(Site { exim: Running::new(chroot, server), daemon, clock })
}

#[test]
fn mail_is_deferred_and_later_delivered_with_the_header() {
    let Some(Site { exim, daemon, mut clock }) = start() else { return };
    for client in ["198.51.100.7", "2001:db8::7"] {
        let offer = || exim.offer(client, "alice@sender.test", "bob@example.org");
        assert!(offer().contains(DEFERRED), "{}", offer());
        clock.advance(Duration::from_secs(301));
        let message = exim.deliver(client, "alice@sender.test", "hello\n");
        assert!(message.contains("X-Greylist: delayed 301 seconds by postgrey-"), "{message}");
        assert!(offer().contains("250 Accepted"), "{}", offer());
    }
    assert_in_manual(DEFERRED);
    let log = fs::read_to_string(exim.chroot.path("log/mainlog")).expect("a log");
    let line = log.lines().find(|line| line.contains("198.51.100.7]")).expect("a line");
    assert_in_manual(line.split_once(" H=").map_or(line, |(_, line)| line));
    daemon.stop();
    let dialogue = exim.offer("198.51.100.7", "new@sender.test", "bob@example.org");
    assert!(dialogue.contains("250 Accepted"), "without the daemon: {dialogue}");
}

#[test]
fn blacklisted_mail_is_refused() {
    let Some(Site { exim, daemon, .. }) = start() else { return };
    let dialogue = exim.offer("198.51.100.7", "mallory@sender.test", "bob@example.org");
    assert!(dialogue.contains("<** 550 "), "{dialogue}");
    daemon.stop();
}
