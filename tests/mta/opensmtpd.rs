//! Greylisting at a real OpenSMTPD. It runs in a chroot and in a separate
//! network, whose addresses play the clients.
//!
//! `compat/mail-servers` makes the chroots, one with OpenSMTPD 6.8 and one with
//! 7.6, and runs this; without the chroots it is skipped.

pub mod instance;

use crate::chroot::{Running, made};
use crate::smtp::greylist_headers;
use crate::{DEFERRED, assert_in_manual};
use instance::{PASSWORD, Smtpd, processes, run_inside};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use testkit::{Builder, Clock, Daemon, Listener, Program, skip, wait_for, wait_until};

const ACCEPTED: &str = "250 2.1.5 Destination address valid: Recipient ok";

const FILTER: &str = "HOME/postgrey opensmtpd-filter";

/// Debian releases. The OpenSMTPD of the first one cannot speak TLS: it does
/// not find its own key with OpenSSL 3.
const WITHOUT_TLS: &str = "bookworm";
pub const WITH_TLS: &str = "trixie";

/// The chroots of one Debian release each; none if they are missing. A release with
/// an older C library than this machine cannot run our program.
pub fn chroots() -> Vec<PathBuf> {
    static USABLE: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let find = |release| made(&format!("opensmtpd/{release}")).filter(|root| runs_in(root));
    let find_all = || [WITHOUT_TLS, WITH_TLS].into_iter().filter_map(find).collect();
    USABLE.get_or_init(find_all).clone()
}

/// Returns true if our program runs in a chroot. Otherwise reports that it is skipped.
fn runs_in(root: &Path) -> bool {
    fs::copy(Program::Ours.path(), root.join("srv/version")).expect("our binary");
    let mut version = Command::new("chroot");
    let output = version.arg(root).args(["/srv/version", "--version"]).output().expect("chroot");
    if !output.status.success() {
        skip(&format!("OpenSMTPD of {}: its C library is too old", root.display()));
    }
    output.status.success()
}

/// Lets one test at a time install its program in the chroots.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Site {
    smtpd: Running,
    daemon: Daemon,
    clock: Clock,
}

fn builder(smtpd: &Smtpd) -> Builder {
    Daemon::builder(Program::Ours)
        .on(Listener::Unix(smtpd.socket()))
        .arg("--hostname=mx.test.example")
        .whitelist_clients("friend.test\n")
        .whitelist_recipients("postmaster@\n")
}

fn start(chroot: &Path, options: &str) -> Site {
    let smtpd = Smtpd::prepare(chroot, FILTER, options);
    let (builder, clock) = Clock::of(builder(&smtpd));
    let daemon = builder.start();
    Site { smtpd: smtpd.start(), daemon, clock }
}

#[test]
fn mail_is_deferred_and_later_delivered() {
    let _alone = alone();
    for chroot in chroots() {
        let Site { smtpd, daemon, mut clock } = start(&chroot, "");
        for (client, sender) in [
            ("198.51.100.7", "alice@sender.test"),
            ("198.51.100.8", "carol@a.test"),
            ("2001:db8::7", "dave@a.test"),
            ("198.51.100.8", "<>"),
        ] {
            let dialogue = smtpd.offer(client, sender, "bob@example.org");
            assert!(dialogue.contains(DEFERRED), "{chroot:?} {client}: {dialogue}");
            clock.advance(Duration::from_secs(400));
            let message = smtpd.deliver(client, sender, "hello\n");
            assert_eq!(greylist_headers(&message), [""; 0], "{chroot:?} {client}: {message}");
        }
        for (client, sender, recipient) in [
            ("203.0.113.7", "alice@friend.test", "bob@example.org"),
            ("198.51.100.8", "new@a.test", "postmaster@example.org"),
        ] {
            let dialogue = smtpd.offer(client, sender, recipient);
            assert!(dialogue.contains(ACCEPTED), "{chroot:?} {client}: {dialogue}");
        }
        let failure = smtpd
            .log()
            .lines()
            .find_map(|line| Some(line.split_once(" smtp failed")?.1.to_owned()));
        assert_in_manual(&failure.expect("a line about a deferred recipient"));
        let log = daemon.stop().log.join("\n");
        for client in [
            "client_name=mail.sender.test, client_address=198.51.100.7, sender=alice@sender.test",
            "client_name=unknown, client_address=198.51.100.8, sender=carol@a.test",
            "client_name=unknown, client_address=2001:db8::7, sender=dave@a.test",
            "client_name=unknown, client_address=198.51.100.8, recipient=bob@example.org",
            "client_name=mail.friend.test, client_address=203.0.113.7, sender=alice@friend.test",
        ] {
            assert!(log.contains(client), "{chroot:?} {client}: {log}");
        }
    }
}

#[test]
fn authenticated_and_local_clients_are_not_asked_about() {
    let _alone = alone();
    for chroot in chroots() {
        let Site { smtpd, daemon, .. } = start(&chroot, "");
        let dialogue = smtpd.offer("127.0.0.1", "alice@a.test", "bob@example.org");
        assert!(dialogue.contains(ACCEPTED), "{chroot:?}: {dialogue}");
        let submit = "echo hello | sendmail -f alice@a.test bob@example.org";
        assert_eq!(run_inside(&smtpd, submit), "", "{chroot:?}");
        wait_for("the delivery", || smtpd.chroot.maildir().pop());
        if chroot.ends_with(WITH_TLS) {
            let (login, how) = (["joe", PASSWORD], ["--tls", "--auth=PLAIN"]);
            let dialogue = smtpd.offer_as(login, "198.51.100.8", "alice@a.test", &how);
            assert!(dialogue.contains(ACCEPTED), "{chroot:?}: {dialogue}");
        } else {
            skip("a login to OpenSMTPD 6.8: Debian 12 has it without working TLS");
        }
        let log = daemon.stop().log.join("\n");
        assert!(!log.contains("action="), "{chroot:?}: {log}");
    }
}

#[test]
fn the_header_is_added_once_and_ten_megabytes_arrive_unchanged() {
    let _alone = alone();
    for chroot in chroots() {
        let Site { smtpd, daemon, mut clock } = start(&chroot, "--header");
        let sender = "alice@sender.test";
        let dialogue = smtpd.offer("198.51.100.7", sender, "bob@example.org");
        assert!(dialogue.contains(DEFERRED), "{chroot:?}: {dialogue}");
        clock.advance(Duration::from_secs(400));
        let line = format!(".{}|\n..\n\n.dot\n", "x".repeat(900));
        let body = line.repeat(11_000);
        let message = smtpd.deliver("198.51.100.7", sender, &body);
        let headers = greylist_headers(&message);
        let [header] = headers[..] else { panic!("{chroot:?}: {headers:?}") };
        let expected = "X-Greylist: delayed 400 seconds by postgrey-";
        assert!(header.starts_with(expected), "{chroot:?}: {header}");
        let (_, delivered) = message.split_once("\n\n").expect("a body");
        assert_eq!(delivered.len(), body.len(), "{chroot:?}");
        assert!(delivered == body, "{chroot:?}: the body has changed");
        let message = smtpd.deliver("198.51.100.7", sender, "hello\n");
        assert_eq!(greylist_headers(&message), [""; 0], "{chroot:?}: {message}");
        drop(daemon);
    }
}

#[test]
fn smtpd_finds_the_filter_by_its_name_and_the_filter_ends_with_smtpd() {
    let _alone = alone();
    for chroot in chroots() {
        let smtpd = Smtpd::prepare(&chroot, "filter-postgrey", "");
        let daemon = builder(&smtpd).start();
        let smtpd = smtpd.start();
        let dialogue = smtpd.offer("198.51.100.7", "alice@a.test", "bob@example.org");
        assert!(dialogue.contains(DEFERRED), "{chroot:?}: {dialogue}");
        let processes = processes(&smtpd);
        let process = |part: &str| {
            let found = processes.iter().find(|(name, _)| name.contains(part));
            found.unwrap_or_else(|| panic!("no {part}: {processes:?}")).1
        };
        let filter = process("filter-postgrey --unix");
        // It talks to the filter.
        let lookup = nix::unistd::Pid::from_raw(process("smtpd: lookup"));
        nix::sys::signal::kill(lookup, nix::sys::signal::Signal::SIGKILL).expect("a process");
        let directory = PathBuf::from(format!("/proc/{filter}"));
        wait_until("the filter's end", || !directory.exists());
        drop(daemon);
    }
}
